cimport cython
from .bits cimport (ACCEPT, BUFFER_BUT_DONT_SEND, CLOSE_IMMEDIATELY, CONNECT, CONNECTING, LISTENING, READABLE, RECV, RECV_AND_CLOSE,
                    RESOLVING, SEND, SEND_AND_CLOSE, UDP, WRITABLE)
from .connection cimport Connection
from .datagram_socket cimport Batch
from .manager cimport Manager
from .mbuf cimport append, discard
from .protocol cimport Protocol

cdef class Datagrams(Connection):
    cdef object _io
    cdef object _target
    cdef object _address
    cdef Py_ssize_t _queued
    cdef bint _blocked
    cdef readonly Py_ssize_t lost
    cdef bint _accepts(self, Py_ssize_t n) except -1
    cdef object _received(self, Py_ssize_t n)
    @cython.locals(n=Py_ssize_t, sent=Py_ssize_t)
    cdef object _write(self)
    cdef object _serve(self)
    cpdef object _want_write(self)

cdef class DatagramConnection(Datagrams):
    cdef int _interest
    cdef int _failure
    cdef public object _setup
    cpdef object _ready(self, int mask)
    @cython.locals(n=Py_ssize_t, i=int)
    cdef object _receive(self)
    cpdef object _service(self)
    cpdef object _release(self)
    @cython.locals(mask=int)
    cpdef object _watch(self)

cdef class DatagramListener(Datagrams):
    cdef int _interest
    cdef dict _peers
    cdef list _waiting
    cdef Py_ssize_t _max_children
    cdef str _acl
    cdef Py_ssize_t _refused
    cdef public object _unlink
    cdef Batch _batch
    cdef Connection _companion
    @cython.locals(protocol=Protocol)
    cpdef object _ready(self, int mask)
    @cython.locals(batch=Batch, left=Py_ssize_t, n=Py_ssize_t)
    cdef object _respond(self, Protocol protocol)
    cpdef object join(self, Connection other)
    @cython.locals(n=Py_ssize_t, i=int, c=DatagramPeer)
    cdef object _receive(self)
    @cython.locals(c=DatagramPeer)
    cdef DatagramPeer _peer(self, object sockaddr)
    cpdef object _service(self)
    @cython.locals(mask=int)
    cpdef object _watch(self)
    @cython.locals(c=DatagramPeer, companion=Connection)
    cpdef object _release(self)
    cdef object _writable(self)

cdef class DatagramPeer(Datagrams):
    @cython.locals(listener=DatagramListener)
    cpdef object _want_write(self)
    cpdef object _service(self)
    @cython.locals(listener=DatagramListener)
    cpdef object _release(self)
