cimport cython
from cpython.bytes cimport PyBytes_AS_STRING

from ...core.bits cimport SSL
from ...core.connection cimport Connection
from ..grammar cimport bytes_t
from ..reply cimport Reply
from ..request cimport Request
from .hops cimport cut, host_of, passed_on
from .upstreams cimport Upstream

cdef int _CHUNKS, _NOTHING
cdef Py_ssize_t _REMEMBERED
cdef frozenset _REDIRECTIONS
cdef bytes _MARKS

cdef class Translation:
    cdef readonly str host
    cdef readonly bint origin, strip
    cdef readonly object trust
    cdef readonly bytes via
    cdef dict _known

    @cython.locals(path=bytes, at=Py_ssize_t)
    cpdef Py_ssize_t mount(self, Request req) except -1
    @cython.locals(start=Py_ssize_t, target=bytes)
    cpdef bytes target(self, Request req)
    @cython.locals(raw=bytes, name=bytes, host=bytes)
    cpdef bytes head(self, Request req, Upstream upstream, bytes target, long long length, bytes upgrade, bytes more)
    @cython.locals(lines=bytes)
    cpdef bytes reply_lines(self, Reply reply, Request req, Upstream upstream)
    @cython.locals(c=Connection, lines=bytes)
    cdef bytes _origin(self, Request req, bytes host)

@cython.locals(p=bytes_t, last=bytes_t, marks=bytes_t)
cdef bint _is_odd(bytes target) except -1
