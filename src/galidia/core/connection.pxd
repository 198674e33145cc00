cimport cython
from .manager cimport Manager
from .mbuf cimport extend, put
from .protocol cimport Protocol
from .timers cimport Timer
from .poller cimport Watcher
from .bits cimport (CLOSE, CLOSE_IMMEDIATELY, CONGESTED, DRAINED,
                    LISTENING, NUMBERS, OTHER, POLL, RECV_AND_CLOSE, SCRATCH, SEND_AND_CLOSE, SETTABLE, TIMER, UDP)

cdef list _MEMBERS
cdef bytes _SHIFT

cdef class Connection(Watcher):
    cdef readonly Manager mgr
    cdef readonly Connection listener
    cdef readonly long long id
    cdef public object user_data
    cdef public str error
    cdef public double close_timeout
    cdef bytearray _recv
    cdef bytearray _send
    cdef public Py_ssize_t recv_mbuf_limit
    cdef public Py_ssize_t send_mbuf_limit
    cdef public unsigned int _flags
    cdef bint _dirty
    cdef bint _opened
    cdef bint _closed
    cdef bint _aborted
    cdef bint _paused
    cdef bint _over_limit
    cdef bint _congested
    cdef bint _direct
    cdef int _holds
    cdef unsigned long long _wants
    cdef unsigned long long _mask
    cdef object _handler
    cdef Protocol _protocol
    cdef Py_ssize_t _charged
    cdef Py_ssize_t _held
    cdef double _last_io
    cdef Timer _timer
    cdef double _timer_value
    cdef Timer _close_timer
    cdef set _timers
    cdef str _policy
    cdef Connection _source
    cdef object _messages
    cdef dict _owed
    cdef object __weakref__

    cdef object _set_up(self, Manager mgr, object handler, unsigned int flags)
    @cython.locals(mgr=Manager, used=Py_ssize_t)
    cpdef object send(self, data)
    @cython.locals(mgr=Manager, used=Py_ssize_t)
    cdef object _spill(self)
    cpdef object send_file(self, object file, long long offset=*, object count=*)
    @cython.locals(protocol=Protocol)
    cpdef object ws_send(self, object data, object opcode=*)
    cpdef object close(self)
    cpdef object close_after_send(self)
    @cython.locals(shift=int)
    cpdef object emit(self, int ev, object data)
    cpdef object emit_to(self, object handler, unsigned long long wants, int ev, object data)
    cpdef object owe_close(self, object handler, unsigned long long wants)
    @cython.locals(owed=dict)
    cpdef object pay_close(self)
    cpdef object hand_over(self, object handler)
    cpdef bint wants(self, int ev) except -1
    @cython.locals(protocol=Protocol)
    cdef object _dispatch(self, int ev, object data)
    @cython.locals(protocol=Protocol)
    cdef object _failed(self, int ev)
    cpdef object _mark(self)
    cpdef object _open(self, int ev, object data)
    cpdef object _finish(self)
    cdef bint _accepts(self, Py_ssize_t n) except -1
    cpdef object _hold(self, int change)
    @cython.locals(room=Py_ssize_t, kept=Py_ssize_t, dropped=Py_ssize_t)
    cdef object _drop_oldest(self, Py_ssize_t n)
    @cython.locals(size=Py_ssize_t)
    cdef object _sent(self, Py_ssize_t n)
    @cython.locals(waiting=Py_ssize_t)
    cdef object _congestion(self)
    @cython.locals(total=Py_ssize_t)
    cdef object _charge(self)
    cpdef object account(self, Py_ssize_t held)
    cdef object _remask(self)
    cdef object _limit_close(self)
    cdef object _linger(self)

    cpdef object _service(self)
    cpdef object _release(self)
    cpdef object _watch(self)
    cpdef object _child_gone(self, str host)
    cpdef Py_ssize_t _unsent(self) except -1

@cython.locals(mgr=Manager, used=Py_ssize_t)
cdef char *room(Connection c, Py_ssize_t n) except? NULL
