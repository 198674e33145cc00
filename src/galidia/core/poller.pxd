cimport cython
from libc.stdint cimport uint32_t
from .posix cimport epoll_data_t, epoll_event

cdef class Watcher:
    cpdef object _ready(self, int mask)

cdef class Poller:
    cpdef object set(self, int fd, int was, int mask)
    cpdef Py_ssize_t wait(self, double timeout) except -2
    cpdef Py_ssize_t take(self, Py_ssize_t i) except -2
    cpdef int fileno(self) except -2
    cpdef object close(self)

cdef class SelectorPoller(Poller):
    cdef object _selector
    cdef list _ready

cdef class EpollPoller(Poller):
    cdef int _epfd
    cdef int _size
    cdef epoll_event *_events
    cdef object _epoll
    @cython.locals(event=epoll_event, what=uint32_t)
    cpdef object set(self, int fd, int was, int mask)
    @cython.locals(n=int, size=int, epfd=int, milliseconds=int, events="epoll_event *")
    cpdef Py_ssize_t wait(self, double timeout) except -2
    @cython.locals(what=int, fd=Py_ssize_t)
    cpdef Py_ssize_t take(self, Py_ssize_t i) except -2
