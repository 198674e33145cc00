cdef class Tree:
    cdef readonly str root
    cpdef str locate(self, str target, bint hidden=*)
