cimport cython
from ..core.bits cimport CLOSE, CLOSE_IMMEDIATELY, CONNECT, RECV, SEND
from ..core.connection cimport Connection
from ..core.timers cimport Timer
from . cimport violations as v
from .reader cimport _CHUNKED, _COUNTED, _HELD, _IDLE, _NO_BODY, _UNTIL_CLOSE, Reader
from .reply cimport Reply, new_reply

cdef int _HTTP_CHUNK, _HTTP_REPLY
cdef unsigned long long _WANTS, _WANTS_SEND
cdef Py_ssize_t _TOGETHER

cdef class ClientProtocol(Reader):
    cdef readonly object options
    cdef public double reply_timeout, idle_timeout
    cdef public str host
    cdef readonly bint awaiting
    cdef readonly object violation
    cdef readonly str timed_out
    cdef public object on_goodbye, on_head, on_interim
    cdef Connection _c
    cdef str _method
    cdef list _interim
    cdef object _sender
    cdef object _content
    cdef object _cause
    cdef Timer _timer
    cdef object _waiting_to_send
    cdef double _sent_at
    cdef bint _answered, _upgrade, _open, _last, _dead, _raw
    cdef dict _first

    cpdef bint is_idle(self) except -1
    cdef object _attach(self, Connection c)
    cpdef object ask(self, Connection c, str method, bytes head, bytes data, bint upgrade)
    cpdef object upload(self, Connection c, object sender)
    cdef object _begin_upload(self, Connection c, object content)
    cdef object _upload(self, Connection c)
    cdef object _end_upload(self, Connection c)
    cdef object _fail_upload(self, Connection c, object cause)
    cdef object _give_up(self, Connection c, str why)
    @cython.locals(reply=Reply, fault=int, status=int)
    cpdef int begin(self, Connection c, bytearray buf, Py_ssize_t start, Py_ssize_t end) except? -9999
    cpdef object body_begun(self, Connection c)
    @cython.locals(reply=Reply)
    cpdef object completed(self, Connection c)
    cpdef object replied(self, Connection c, object reply)
    cdef bint _switched(self, Connection c, Reply reply) except -1
    cpdef object violated(self, Connection c, object violation)
    cpdef bint ended(self, Connection c) except -1
    cdef object _deadline(self, Connection c, double seconds)
    @cython.locals(now=double, left=double)
    cdef object _expired(self, Connection c)
    cdef object _stop_timer(self)
    cdef object _end(self, Connection c)
