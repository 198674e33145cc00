cimport cython
from ..core.manager cimport Manager
from ..core.poller cimport Watcher

cdef int _QUERIES, _BATCH, _READABLE, _WRITABLE
cdef Py_ssize_t _HEADER

cdef class Channel(Watcher)
cdef class Lane(Channel)
cdef class TcpLane(Channel)

cdef class Asker:
    cpdef bint replied(self, Channel channel, bytes data) except -1
    cpdef object failed(self, Channel channel, str why)

@cython.final
cdef class Dice:
    cdef object _network
    cdef bytes _block
    cdef Py_ssize_t _at
    @cython.locals(at=Py_ssize_t, block=bytes)
    cpdef int draw(self) except -1

@cython.final
cdef class Server:
    cdef readonly Manager mgr
    cdef readonly Dice dice
    cdef readonly object address
    cdef readonly bint multicast
    cdef public bint plain
    cdef public double down_until
    cdef public long long ignored
    cdef readonly Lane lane
    cdef TcpLane _tcp
    @cython.locals(lane=Lane)
    cpdef tuple ask(self, Asker asker, bytes wire)
    cpdef tuple ask_tcp(self, Asker asker, bytes wire)
    cpdef object gone(self, Channel channel)

cdef class Channel(Watcher):
    cdef readonly Server server
    cdef readonly dict waiting
    @cython.locals(ident=int)
    cpdef int draw(self, Asker asker) except -1
    @cython.locals(asker=Asker)
    cpdef object take(self, bytes data)
    cpdef object drop(self, int ident)
    cpdef object close(self)

cdef class Lane(Channel):
    cdef str _host
    cdef int _port
    cdef int _interest
    cdef object _io
    cdef object _outbox
    cdef readonly int used
    @cython.locals(ident=int)
    cpdef int ask(self, Asker asker, bytes wire) except -1
    @cython.locals(n=Py_ssize_t)
    cdef object _send(self, bytes data)
    @cython.locals(n=Py_ssize_t, port=int, anybody=bint, scratch=bytearray)
    cpdef object _ready(self, int mask)
    cdef bint _is_server(self, str host) except -1
    cdef object _watch(self, int mask)
    cpdef object close(self)

cdef class TcpLane(Channel):
    cdef object _c
    @cython.locals(ident=int)
    cpdef int ask(self, Asker asker, bytes wire) except -1
    cpdef object close(self)
