cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memcpy
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

cdef int _DONE, _ONE, _TWO, _THREE, _E0, _ED, _F0, _F4, _BAD
cdef uint64_t _HIGHS

@cython.locals(b="unsigned char", word=uint64_t)
cdef int advance_at(int state, unsigned char *p, unsigned char *end) noexcept

@cython.locals(at="unsigned char *")
cpdef int advance(int state, bytes data) except -1

@cython.locals(at="unsigned char *")
cpdef int advance_in(int state, bytearray buf, Py_ssize_t start, Py_ssize_t end) except -1
