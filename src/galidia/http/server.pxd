cimport cython
from ..core.bits cimport ACCEPT, CLOSE, RECV, RECV_AND_CLOSE, SEND
from ..core.connection cimport Connection
from ..core.mbuf cimport discard
from ..core.protocol cimport Protocol
from ..core.timers cimport Timer
from . cimport violations as v
from .endpoints cimport Endpoints, Match
from .message cimport Body
from .reader cimport _CHUNKED, _COUNTED, _HELD, _IDLE, _NO_BODY
from .request cimport _BACKLOG, Answering, DateLine, Request, new_request

cdef int _HTTP_REQUEST, _HTTP_CHUNK, _REQUEST_BIT, _CHUNK_BIT, _PART_BIT
cdef unsigned long long _WANTS, _WANTS_SEND, _ALL, _WEBSOCKET

cdef class ServerProtocol(Answering):
    cdef readonly object options
    cdef readonly object endpoints
    cdef public object on_goodbye, on_response
    cdef object _drained
    cdef DateLine _date
    cdef Timer _timer
    cdef Py_ssize_t _max_target
    cdef long long _requests
    cdef long long _max_requests
    cdef long long _drop, _stream_limit
    cdef double _idle_timeout, _began, _stuck
    cdef Match _match
    cdef object _parts
    cdef bint _ended, _handed
    cdef bint _closing

    @cython.locals(request=Request)
    cpdef object goodbye(self, Connection c)
    @cython.locals(request=Request)
    cpdef bint failed(self, Connection c) except -1
    @cython.locals(request=Request, fault=int)
    cpdef int begin(self, Connection c, bytearray buf, Py_ssize_t start, Py_ssize_t end) except? -9999
    @cython.locals(request=Request, body=Body, length="long long", mask="unsigned long long", is_there=bint, is_large=bint)
    cpdef object body_begun(self, Connection c)
    @cython.locals(request=Request, body=Body, mask="unsigned long long")
    cpdef object arrived(self, Connection c)
    @cython.locals(request=Request)
    cpdef object completed(self, Connection c)
    @cython.locals(body=Body)
    cpdef object answered(self, Connection c, Request request)
    cpdef object when_drained(self, Connection c, object callback)
    cpdef object emit(self, Connection c, int ev, object data)
    @cython.locals(match=Match, body=Body)
    cpdef object handed_over(self, Connection c, Request request, object handler, int ev)

    cdef bint _reads(self, Request request) except -1
    cdef object _go_on(self, Connection c)
    cdef object _hand_over(self, Connection c)
    cdef object _crowd(self, Connection c)
    cdef object _listen_to_send(self, Connection c, unsigned long long wants)
    cdef object _sent(self, Connection c)
    cdef object _route(self, Request request)
    @cython.locals(request=Request)
    cdef object _not_found(self, Connection c)
    cdef bint _upgrades(self, Connection c, Request request) except -1
    cdef bint _is_done(self, Connection c) except -1
    cdef object _answered_early(self, Connection c, Request request, Body body)
    @cython.locals(body=Body)
    cpdef bint is_cut(self) except -1
    cdef object _refuse_body(self, Connection c, long long limit)
    @cython.locals(request=Request)
    cdef object _refuse(self, Connection c, int status, str text)
    @cython.locals(body=Body)
    cdef object _linger(self, Connection c)
    cdef object _deadline(self, Connection c, double seconds)
    cdef object _end_timer(self)
    @cython.locals(request=Request, quiet=double, left=double)
    cdef object _expired(self, Connection c)
    cdef object _look_at_response(self, Connection c)
    @cython.locals(body=Body, age=double, left=double)
    cdef object _look_at_body(self, Connection c, double quiet)
    cdef object _give_up(self, Connection c)
    @cython.locals(request=Request, body=Body, match=Match)
    cdef object _end(self, Connection c)
