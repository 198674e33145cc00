cimport cython

@cython.final
cdef class Timer:
    cdef readonly double when
    cdef readonly double interval
    cdef object _callback
    cdef tuple _args
    cdef Timers _owner
    cdef readonly object connection
    cdef readonly double _slot
    cdef readonly unsigned long long _order
    cpdef object cancel(self)
    cpdef object postpone(self, double when)
    cdef object _fire(self)

@cython.final
cdef class Timers:
    cdef list _heap
    cdef unsigned long long _count
    cdef Py_ssize_t _dead
    cpdef Timer add(self, double when, double interval, object callback, tuple args, object connection)
    @cython.locals(timer=Timer)
    cpdef double next_deadline(self) except? -3
    @cython.locals(timer=Timer)
    cpdef Timer pop_due(self, double now, unsigned long long last)
    cpdef unsigned long long last(self)
    @cython.locals(timer=Timer)
    cpdef object clear(self)
    cdef object _push(self, Timer timer)
    @cython.locals(timer=Timer)
    cdef object _compact(self)
