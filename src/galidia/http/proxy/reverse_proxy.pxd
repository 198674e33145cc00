cimport cython
from ...core.connection cimport Connection
from ..request cimport Request
from .relay cimport Relay, new_relay
from .translation cimport Translation
from .upstreams cimport Upstreams

cdef int _CLOSE, _HTTP_REQUEST

cdef class ReverseProxy:
    cdef readonly dict relays
    cdef readonly object auth, timeouts
    cdef readonly Translation translation
    cdef readonly double tunnel_timeout
    cdef readonly frozenset upgrades
    cdef readonly Upstreams upstreams

    @cython.locals(relay=Relay, relays=dict)
    cpdef object serve(self, Connection c, Request req)
    cpdef bytes upgrade_of(self, Request req)
    cdef bint _refuses(self, Request req) except -1
