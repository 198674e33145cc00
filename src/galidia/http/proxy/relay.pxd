cimport cython
from ...core.connection cimport Connection
from ...core.timers cimport Timer
from ..chunked cimport chunk
from ..fetching.pool cimport Link, User
from ..message cimport Body
from ..reply cimport Reply
from ..request cimport Answering, Request
from .hops cimport has_date
from .translation cimport _CHUNKS, _NOTHING, Translation
from .upstreams cimport Upstream, Upstreams

cdef Py_ssize_t _BACKLOG, _KEPT

cdef class Relay(User):
    cdef object _proxy
    cdef dict _relays
    cdef Upstreams _upstreams
    cdef Translation _translation
    cdef Connection _c
    cdef Request _request
    cdef Upstream _upstream
    cdef unsigned long long _tried
    cdef bytes _body, _target
    cdef bint _streams, _sends, _chunks, _uploaded, _deferring
    cdef Reply _reply
    cdef Timer _patience

    @cython.locals(req=Request, protocol=Answering, body=Body)
    cpdef object start(self)
    @cython.locals(link=Link)
    cpdef object more(self)
    @cython.locals(upstream=Upstream)
    cdef object _go(self, bint fresh)
    @cython.locals(req=Request, upstream=Upstream, length="long long", upgrade=bytes, head=bytes, data=bytes)
    cpdef object _begin(self, Link link)
    @cython.locals(req=Request)
    cdef object _send_body(self, Link link)
    @cython.locals(req=Request, data=bytes)
    cpdef bint pump(self, Connection c) except -1
    @cython.locals(body=Body)
    cpdef object _on_chunk(self, Reply reply)
    @cython.locals(req=Request, lines=bytes)
    cdef object _pass_head(self, Reply reply)
    @cython.locals(req=Request)
    cdef object _pass_on(self, Reply reply)
    @cython.locals(req=Request)
    cdef object _wait_for_client(self)
    @cython.locals(req=Request, upstream=Upstream, lines=bytes, content=bytes, length="long long", body=Body)
    cpdef object _on_reply(self, Link link, Reply reply)
    cdef bint _forwards_trailers(self, Request req) except -1
    cdef object _answer(self, int status, str text)
    cpdef object gone(self)
    cdef object _forget(self)

@cython.locals(relay=Relay)
cdef Relay new_relay(object proxy, dict relays, Upstreams upstreams, Translation translation, object timeouts,
                     Connection c, Request req)
