cimport cython
from ..core.manager cimport Manager
from ..core.timers cimport Timer
from .channels cimport Asker, Channel, Server
from .message cimport Message
from .name cimport Name
from .outcome cimport Outcome, read_reply

cdef Py_ssize_t _HEADER
cdef int _NOERROR, _NXDOMAIN, _FORMERR, _NOTIMP
cdef bytes _CLASS, _OPT, _EDNS, _PLAIN, _ON_LINK

@cython.final
cdef class Way:
    cdef readonly list servers
    cdef readonly double timeout
    cdef readonly Py_ssize_t attempts
    cdef readonly bint multicast

cdef class Query(Asker):
    cdef readonly Name asked
    cdef readonly object type
    cdef readonly Way way
    cdef readonly dict waiters
    cdef Manager _mgr
    cdef object _finished
    cdef Name _name
    cdef bytes _question
    cdef dict _failed, _tries
    cdef Channel _channel
    cdef Timer _timer
    cdef long long _count
    cdef Py_ssize_t _position
    cdef object _aliases, _ttl
    cpdef long long join(self, object callback) except -1
    cpdef object begin(self)
    @cython.locals(tries=dict, channel=Channel)
    cpdef object end(self)
    cdef object _aim(self, Name name)
    cdef bytes _wire(self, bint plain)
    @cython.locals(servers=list, server=Server)
    cdef object _next(self)
    @cython.locals(plain=bint, wire=bytes, sent=tuple)
    cdef bint _send(self, Server server, bint tcp=*) except -1
    cdef object _finish(self, Outcome outcome)
    @cython.locals(server=Server, rcode=int, questions=int, question=bytes, sent=tuple,
                   asked=bint, no_edns=bint)
    cpdef bint replied(self, Channel channel, bytes data) except -1
    cdef object _read(self, Message message)
    cdef bint _found_on_link(self, bytes data) except -1
    @cython.locals(channel=Channel, current=bint)
    cdef bint _refused(self, tuple sent, str why) except -1
    @cython.locals(channel=Channel)
    cdef object _forget(self, tuple sent)
    @cython.locals(server=Server)
    cpdef object failed(self, Channel channel, str why)
