cimport cython
from ..core.bits cimport CLOSE, CLOSE_IMMEDIATELY, RECV, SEND, SEND_AND_CLOSE
from ..core.connection cimport Connection
from ..core.mbuf cimport discard
from ..core.protocol cimport Protocol
from ..core.timers cimport Timer
from .frame cimport head, masked_frame
from .incoming cimport _CONTROL, _FAULT, _MESSAGE, Incoming
from .keys cimport KEYS
from .message cimport Message, new_message

cdef int _FRAME, _CONTROL_FRAME, _FRAME_BIT
cdef unsigned int _NO_DEFRAG
cdef int _TEXT, _BINARY
cdef unsigned long long _WANTS, _WANTS_SEND
cdef Py_ssize_t _ROOM, _HEAD, _BACKLOG
cdef int _OPEN, _CLOSING, _ENDED, _FAILED

cdef class WebSocketProtocol(Protocol):
    cdef readonly bint client
    cdef readonly object options
    cdef readonly str subprotocol
    cdef readonly int close_code, sent_code
    cdef readonly str close_reason
    cdef Incoming _incoming
    cdef object _deflater, _inflater
    cdef int _state
    cdef bint _reading, _sending
    cdef bytes _pong
    cdef Timer _timer
    cdef double _heard, _pinged, _used

    cpdef object opened(self, Connection c)
    @cython.locals(incoming=Incoming, room=Py_ssize_t, used=Py_ssize_t, what=int, payload=bytes)
    cpdef object read(self, Connection c)
    @cython.locals(message=Message, opcode=int)
    cdef object _control(self, Connection c, bytes payload, int flags)
    cdef object _answer_last(self, Connection c)
    cdef object _listen_to_send(self, Connection c, unsigned long long wants)
    @cython.locals(first=int)
    cpdef object send_message(self, Connection c, object data, object opcode)
    cpdef object send_whole(self, Connection c, int first, bytes payload)
    cdef object _send_control(self, Connection c, int first, bytes payload)
    cdef object _frame(self, Connection c, int first, bytes payload)
    cpdef object close_message(self, Connection c, object code, str reason)
    cdef object _begin_close(self, Connection c, bytes payload)
    cdef object _send_close(self, Connection c, bytes payload)
    cdef object _fail(self, Connection c, int code, str reason)
    cdef object _look_in(self, Connection c, double seconds)
    cdef object _end_timer(self)
    @cython.locals(now=double, wait=double, since=double, left=double)
    cdef object _keep_alive(self, Connection c)
    @cython.locals(size=Py_ssize_t)
    cdef object _compressed(self, Connection c)
    @cython.locals(size=Py_ssize_t)
    cdef Py_ssize_t _context_size(self) except -1
    cpdef object forget_sent(self, Connection c)
    cdef object _rest(self, Connection c)

cpdef bytes as_payload(object data)
cpdef int first_byte(object opcode, bytes payload) except -1
