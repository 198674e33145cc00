cimport cython
from libc.stdint cimport uint32_t

@cython.final
cdef class Keys:
    cdef bytes _pool
    cdef Py_ssize_t _at

    @cython.locals(at=Py_ssize_t, key=uint32_t, i=int)
    cpdef uint32_t next(self) except? 0

cdef Keys KEYS
