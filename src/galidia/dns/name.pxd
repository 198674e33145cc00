cimport cython

cdef class Name:
    cdef readonly bytes wire
    cdef bytes _key

@cython.locals(name=Name)
cdef Name made(bytes wire)
