cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memchr, memcpy

from ..grammar cimport bytes_t
from ..outline cimport left, right, same

cdef tuple _HOP, _OWN
cdef bytes _ORIGIN
cdef frozenset _PLAIN, _USUAL, _IN_REQUEST, _IN_REPLY
cdef Py_ssize_t _LONGEST
cdef unsigned int[32] _FIRST

@cython.locals(size=Py_ssize_t, kept=bytes, base=bytes_t, first="unsigned char *",
               out="unsigned char *", last=bytes_t, p=bytes_t, line=bytes_t, colon=bytes_t,
               value=bytes, names=bint)
cpdef bytes passed_on(bytes raw, Py_ssize_t start, bint request)

@cython.locals(text=bytes, name=bytes)
cdef bint _stays(bytes_t line, Py_ssize_t n, bint request) except -1

cdef bytes cut(bytes data, Py_ssize_t start, Py_ssize_t end)

@cython.locals(base=bytes_t, last=bytes_t, p=bytes_t, line=bytes_t)
cpdef bytes host_of(bytes raw, Py_ssize_t start)

cdef bytes _unnamed(bytes kept, bytes raw, Py_ssize_t start)

@cython.locals(p=bytes_t, last=bytes_t)
cpdef bint has_date(bytes lines) except -1
