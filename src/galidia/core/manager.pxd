cimport cython
from .bits cimport POLL, READABLE, SCRATCH
from .connection cimport Connection
from .poller cimport Poller, Watcher
from .timers cimport Timer, Timers

cdef int _ROUNDS, _TURN

cdef class Manager:
    cdef readonly object network
    cdef public object resolver
    cdef public object user_data
    cdef readonly bint closed
    cdef public Py_ssize_t memory_limit
    cdef public Py_ssize_t max_connections
    cdef readonly Poller _poller
    cdef Timers _timers
    cdef dict _connections
    cdef list _table
    cdef list _dirty
    cdef list _done
    cdef dict _polled
    cdef dict _starved
    cdef list _waiting_listeners
    cdef readonly bytearray _scratch
    cdef bytearray _out
    cdef Py_ssize_t _out_used
    cdef object _clock
    cdef double _now
    cdef unsigned long long _count
    cdef Watcher _current
    cdef long long _next_id
    cdef Py_ssize_t _buffered
    cdef unsigned long _thread
    cdef bint _polling
    cdef object _calls
    cdef object _waker
    cdef public object _host
    cdef bint _stopped
    cdef object _close_grace
    cdef readonly dict _tls_sessions
    cdef readonly dict _contexts
    cdef object __weakref__

    cpdef int poll(self, double timeout_ms=*) except -1
    @cython.locals(i=Py_ssize_t, n=Py_ssize_t, what=Py_ssize_t, fd=Py_ssize_t, watcher=Watcher, now=double, deadline=double)
    cdef object _pass(self, double timeout)
    @cython.locals(c=Connection, todo=list, i=Py_ssize_t, rounds=int)
    cdef object _flush(self)
    @cython.locals(c=Connection)
    cdef object _poll_events(self)
    @cython.locals(timer=Timer, last="unsigned long long")
    cdef object _run_timers(self)
    cdef object _check_thread(self)
    cdef object _add_dirty(self, Connection c)
    cdef long long _register(self, Connection c) except -1
    cpdef object _forget(self, Connection c)
    cdef object _listen_to_polls(self, Connection c, bint wants)
    cdef bint _hog(self, Py_ssize_t charged) except -1
    cpdef Timer _add_timer(self, double delay, double interval, object callback, tuple args, object connection)
    cpdef object _attach(self, int fd, Watcher watcher)
    cpdef object _detach(self, int fd, int interest)
