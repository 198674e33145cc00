cimport cython
from ..core.connection cimport Connection
from ..core.mbuf cimport append
from .head cimport Head

@cython.final
cdef class Body:
    cdef bytes _first
    cdef bytearray _rest
    cdef readonly object decoder
    cdef readonly list trailers
    cdef readonly long long left, received
    cdef readonly bint complete
    cdef public bint taken
    cdef public object paused

    cdef object add(self, bytearray buf, Py_ssize_t n)
    cpdef bytearray buffer(self)
    cdef Py_ssize_t size(self) except -1
    cdef bytes content(self)
    cdef bytes take(self)

cdef class Message(Head):
    cdef readonly Connection connection
    cdef Body _content
    cdef dict _parsed
    cdef object __weakref__
