cimport cython
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize

from . cimport violations as v
from .grammar cimport DIGIT, KIND, TARGET, TOKEN, VALUE, bytes_t
from .target cimport authority_at, target_at

cdef int CLOSE, KEEP_ALIVE, UPGRADE, CONTINUE
cdef int RANGE, IF_RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE
cdef bytes_t _KIND
cdef int _TOKEN, _TARGET, _VALUE, _DIGIT
cdef uint64_t _ONES, _SPACES, _DELS, _HIGHS

@cython.locals(word=uint64_t, odd=uint64_t, edge=bytes_t)
cdef bytes_t value_end(bytes_t p, bytes_t last) noexcept

@cython.locals(i=Py_ssize_t)
cdef bint same(bytes_t p, const char* lower, Py_ssize_t n) noexcept

cdef bytes_t left(bytes_t p, bytes_t end) noexcept
cdef bytes_t right(bytes_t p, bytes_t end) noexcept

@cython.locals(bits=int, token=bytes_t, n=Py_ssize_t)
cdef int options_at(bytes_t p, bytes_t end) noexcept

@cython.locals(length=int64_t)
cdef int64_t length_at(bytes_t p, bytes_t end) noexcept

cdef Py_ssize_t _ANY

cdef class Outline:
    cdef readonly bytes raw
    cdef readonly Py_ssize_t method_end, target_start, target_end, path_start, path_end
    cdef readonly Py_ssize_t fields_start, count
    cdef readonly Py_ssize_t reason_start, reason_end
    cdef readonly int minor, status
    cdef readonly int64_t content_length
    cdef readonly bint chunked, keep_alive, expect_continue, upgrade, accept_encoding
    cdef readonly int conditions

    cdef int _clear(self) except -1
    @cython.locals(base=bytes_t, fault=int)
    cpdef int parse(self, bytearray buf, Py_ssize_t start, Py_ssize_t end,
                    Py_ssize_t max_fields, Py_ssize_t max_target=*) except -1
    @cython.locals(base=bytes_t, fault=int)
    cpdef int parse_reply(self, bytearray buf, Py_ssize_t start, Py_ssize_t end,
                          Py_ssize_t max_fields) except -1
    @cython.locals(p=bytes_t, name=bytes_t, value=bytes_t, tail=bytes_t, kind=bytes_t, n=Py_ssize_t,
                   count=Py_ssize_t, fault=int, error=int, hosts=int, codings=int, options=int)
    cdef int _scan(self, bytes_t base, bytes_t last, Py_ssize_t max_fields,
                   Py_ssize_t max_target, bint reply) except? -1
    @cython.locals(base=bytes_t, kind=bytes_t, fault=int)
    cdef int _scan_status_line(self, bytes_t p, bytes_t last) except? -1
    cdef int _settle(self, int hosts, int codings, int options) noexcept

@cython.locals(base=bytes_t, p=bytes_t, last=bytes_t, at=Py_ssize_t, size=Py_ssize_t,
               found=Py_ssize_t)
cpdef Py_ssize_t find_end(bytearray buf, Py_ssize_t start, Py_ssize_t searched) except? -2
cpdef Py_ssize_t skip_blank(bytearray buf, Py_ssize_t start) except? -2
