cimport cython

@cython.final
cdef class OpenFile:
    cdef readonly int fd
    cdef bint _owned

@cython.final
cdef class FileSegment:
    cdef OpenFile file
    cdef FileSegment next
    cdef long long offset, count
    cdef Py_ssize_t at
