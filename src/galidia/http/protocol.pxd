cimport cython
from ..core.bits cimport ACCEPT, CLOSE, CLOSE_IMMEDIATELY, RECV, SEND, SEND_AND_CLOSE, RECV_AND_CLOSE
from ..core.connection cimport Connection
from ..core.mbuf cimport discard
from ..core.protocol cimport Protocol
from ..core.timers cimport Timer
from .outline cimport find_end, skip_blank
from .request cimport Answering, DateLine, Request, new_request

cdef int _HTTP_REQUEST
cdef unsigned long long _WANTS, _WANTS_SEND
cdef Py_ssize_t _BACKLOG
cdef int _IDLE, _IN_HEAD, _IN_BODY, _PENDING

cdef class HttpProtocol(Answering):
    cdef readonly object options
    cdef DateLine _date
    cdef Request _request
    cdef Timer _timer
    cdef Py_ssize_t _searched
    cdef Py_ssize_t _head_limit
    cdef Py_ssize_t _max_fields
    cdef long long _requests
    cdef long long _max_requests
    cdef Py_ssize_t _need
    cdef double _idle_timeout
    cdef int _state
    cdef bint _parsing
    cdef bint _closing

    @cython.locals(buf=bytearray, end=Py_ssize_t, start=Py_ssize_t, fault=int, request=Request)
    cdef object _parse(self, Connection c)
    cdef object _listen_to_send(self, Connection c, unsigned long long wants)
    cdef object _begin_body(self, Connection c, Request request, Py_ssize_t end)
    cdef object _deliver(self, Connection c, Request request, Py_ssize_t end)
    cdef object _refuse(self, Connection c, int status, str text)
    cdef object _deadline(self, Connection c, double seconds)
    cdef object _end(self, Connection c)
    cdef object _linger(self, Connection c)
    @cython.locals(quiet=double, left=double)
    cdef object _expired(self, Connection c)
    cpdef bint failed(self, Connection c) except -1
    cpdef object answered(self, Connection c, Request request)
