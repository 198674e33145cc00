cimport cython
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize

from . cimport violations as v
from .grammar cimport HEX, KIND, bytes_t

cdef int _AT_SIZE, _IN_DATA, _BEHIND_DATA, _IN_TRAILERS
cdef Py_ssize_t _PLAIN_LINE

cpdef bytes chunk(object data)

@cython.final
cdef class Chunked:
    cdef readonly bint done
    cdef readonly int fault
    cdef readonly list trailers
    cdef int _state
    cdef int64_t _left
    cdef Py_ssize_t _searched, _extensions_left, _trailers_left, _fields_left

    @cython.locals(size=Py_ssize_t, at=Py_ssize_t, end=Py_ssize_t, n=Py_ssize_t)
    cpdef Py_ssize_t feed(self, bytearray buf, Py_ssize_t start, bytearray out) except -1
    @cython.locals(base=bytes_t, p=bytes_t, last=bytes_t, digits=int, number=int64_t,
                   end=Py_ssize_t)
    cdef Py_ssize_t _size_line(self, bytearray buf, Py_ssize_t at) except? -1
    @cython.locals(end=Py_ssize_t, line=bytes)
    cdef Py_ssize_t _odd_size_line(self, bytearray buf, Py_ssize_t at) except? -1
    @cython.locals(end=Py_ssize_t, length=Py_ssize_t, line=bytes)
    cdef Py_ssize_t _trailer_line(self, bytearray buf, Py_ssize_t at) except? -1
    @cython.locals(end=Py_ssize_t)
    cdef Py_ssize_t _line_end(self, bytearray buf, Py_ssize_t at) except? -1

cdef int _line_fault(bytes line) except -1

@cython.locals(size=Py_ssize_t)
cdef int _append(bytearray out, bytearray buf, Py_ssize_t at, Py_ssize_t n) except -1
