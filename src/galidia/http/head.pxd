cimport cython
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeLatin1

ctypedef const unsigned char* bytes_t

cdef bytes _TABLE
cdef bytes _FOLD
cdef bytes_t _KIND
cdef bytes_t _LOWER
cdef int _TOKEN, _TARGET, _VALUE, _DIGIT, _HEX, _HOST
cdef uint64_t _ONES, _SPACES, _DELS, _HIGHS
cdef int _CLOSE, _KEEP_ALIVE, _UPGRADE, _CONTINUE
cdef int _PLAIN, _NO_HOST, _NO_PORT
cdef int _SYNTAX, _INCOMPLETE, _BARE_LF, _BARE_CR, _REQUEST_LINE, _METHOD, _TARGET_CHAR, _VERSION_SYNTAX
cdef int _VERSION, _TARGET_FORM, _ESCAPE, _FOLDED, _NO_COLON, _EMPTY_NAME, _SPACE_BEFORE_COLON
cdef int _NAME_CHAR, _VALUE_CHAR, _TOO_MANY_FIELDS, _HOST_MISSING, _HOST_REPEATED, _HOST_SYNTAX
cdef int _LENGTH_SYNTAX, _LENGTH_REPEATED, _CODING_UNKNOWN, _CHUNKED_NOT_FINAL
cdef int _LENGTH_AND_CODING, _CODING_IN_1_0

@cython.locals(word=uint64_t, odd=uint64_t, edge=bytes_t)
cdef bytes_t _value_end(bytes_t p, bytes_t last) noexcept

@cython.locals(i=Py_ssize_t)
cdef bint _same(bytes_t p, const char* lower, Py_ssize_t n) noexcept

cdef bytes_t _left(bytes_t p, bytes_t end) noexcept
cdef bytes_t _right(bytes_t p, bytes_t end) noexcept
cdef str _latin(bytes_t p, bytes_t end)

@cython.locals(bits=int, token=bytes_t, n=Py_ssize_t)
cdef int _options_c(bytes_t p, bytes_t end) noexcept

@cython.locals(form=int, start=bytes_t)
cdef int _authority_c(bytes_t p, bytes_t end) noexcept

@cython.locals(length=int64_t)
cdef int64_t _length_c(bytes_t p, bytes_t end) noexcept

cdef class Head:
    cdef readonly bytes raw
    cdef readonly Py_ssize_t method_end, target_start, target_end, path_start, path_end
    cdef readonly Py_ssize_t fields_start, count
    cdef readonly int minor
    cdef readonly int64_t content_length
    cdef readonly bint chunked, keep_alive, expect_continue, upgrade, conditional
    cdef list _headers

    cdef int _clear(self) except -1
    @cython.locals(base=bytes_t, fault=int)
    cpdef int parse(self, bytearray buf, Py_ssize_t start, Py_ssize_t end,
                    Py_ssize_t max_fields) except -1
    @cython.locals(p=bytes_t, name=bytes_t, value=bytes_t, tail=bytes_t, kind=bytes_t,
                   n=Py_ssize_t, count=Py_ssize_t, fault=int, error=int, hosts=int, codings=int,
                   options=int)
    cdef int _scan(self, bytes_t base, bytes_t last, Py_ssize_t max_fields) except? -1
    @cython.locals(target=bytes_t, last=bytes_t, p=bytes_t, hit=bytes_t, form=int)
    cdef int _target_fault(self, bytes_t base) noexcept
    cdef int _settle(self, int hosts, int codings, int options) noexcept

    @cython.locals(base=bytes_t, p=bytes_t, last=bytes_t, name=bytes_t, tail=bytes_t)
    cdef list _fields(self)

    @cython.locals(base=bytes_t, p=bytes_t, last=bytes_t, value=bytes_t, tail=bytes_t,
                   want=bytes_t, i=Py_ssize_t, n=Py_ssize_t)
    cdef list _values(self, str name, bint first)

    cdef str _text(self, Py_ssize_t start, Py_ssize_t end)
    cpdef list header_all(self, str name)

@cython.locals(base=bytes_t, p=bytes_t, last=bytes_t, at=Py_ssize_t, size=Py_ssize_t,
               found=Py_ssize_t)
cpdef Py_ssize_t find_end(bytearray buf, Py_ssize_t start, Py_ssize_t searched) except? -2
cpdef Py_ssize_t skip_blank(bytearray buf, Py_ssize_t start) except? -2
