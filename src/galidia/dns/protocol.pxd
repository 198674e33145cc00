cimport cython
from ..core.bits cimport ACCEPT, CLOSE_IMMEDIATELY, RECV, SEND_AND_CLOSE, UDP
from ..core.connection cimport Connection
from ..core.mbuf cimport discard
from ..core.protocol cimport Protocol
from .responder cimport Responder, refusal

cdef int _DNS_MESSAGE
cdef unsigned long long _WANTS
cdef Py_ssize_t _LONGEST, _HEADER

cdef class DnsProtocol(Protocol):
    cdef readonly object options
    cdef readonly long long malformed
    cpdef object on_event(self, Connection c, int ev, object data)
    @cython.locals(buf=bytearray, have=Py_ssize_t, at=Py_ssize_t, n=Py_ssize_t, data=bytes)
    cdef object _read(self, Connection c)
    cpdef object received(self, Connection c, bytes data)
    cpdef object accepted(self, Connection c)
    cdef object _broken(self, Connection c, str why)

cdef class ServerProtocol(DnsProtocol):
    cdef object _handler
    cdef Responder _responder
    cdef Py_ssize_t _udp_payload
    cdef double _last
    cpdef Protocol child(self)
    cpdef bint responds(self, Connection c) except -1
    cpdef bytes respond(self, bytes datagram)
    @cython.locals(udp=bint, limit=Py_ssize_t, answer=bytes)
    cpdef object received(self, Connection c, bytes data)
    cpdef object accepted(self, Connection c)
    @cython.locals(left=double)
    cpdef object _look(self, Connection c)

cdef class ClientProtocol(DnsProtocol):
    cpdef Protocol child(self)
    cpdef object received(self, Connection c, bytes data)

cdef object _send(Connection c, bytes data)
