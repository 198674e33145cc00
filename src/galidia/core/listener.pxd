cimport cython
from .connection cimport Connection
from .manager cimport Manager
from .stream cimport Stream
from .transport cimport Transport
from .bits cimport LISTENING, READABLE, SSL

cdef class Listener(Connection):
    cdef object _io
    cdef int _interest
    cdef object _context
    cdef object _tls
    cdef bint _waiting
    cdef Py_ssize_t _children
    cdef Py_ssize_t _refused
    cdef Py_ssize_t _max_children
    cdef Py_ssize_t _max_per_address
    cdef dict _by_host
    cdef double _quiet_until
    cdef double _rate
    cdef double _tokens
    cdef double _tokens_at
    cdef str _acl
    cdef double _handshake_timeout
    cdef public object _unlink

    cpdef object _ready(self, int mask)
    @cython.locals(i=int, io=Transport)
    cdef object _accept(self)
    @cython.locals(c=Stream, host=str, owner=Connection)
    cdef object _take(self, Transport io)
    cdef bint _may_accept(self) except -1
    cpdef object _pause(self, double seconds)
    cpdef object _child_gone(self, str host)
    cdef bint _admits(self, str host) except -1
    @cython.locals(mask=int)
    cpdef object _watch(self)
