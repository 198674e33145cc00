cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_DecodeLatin1

from .grammar cimport bytes_t
from .outline cimport Outline, left, right, value_end

cdef bytes _FOLD
cdef bytes_t _LOWER

cdef str _latin(bytes_t p, bytes_t end)

cdef class Head(Outline):
    cdef list _headers

    cdef str _text(self, Py_ssize_t start, Py_ssize_t end)
    cpdef list header_all(self, str name)

@cython.locals(base=bytes_t, p=bytes_t, last=bytes_t, name=bytes_t, tail=bytes_t)
cdef list _fields_of(bytes raw, Py_ssize_t start)

@cython.locals(base=bytes_t, p=bytes_t, last=bytes_t, value=bytes_t, tail=bytes_t, want=bytes_t,
               i=Py_ssize_t, n=Py_ssize_t)
cdef list _values_of(bytes raw, Py_ssize_t start, str name, bint first)
