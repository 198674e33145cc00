cimport cython
from ..fetching.pool cimport Host, Pool

cdef class Upstream:
    cdef readonly int number
    cdef readonly str name
    cdef readonly bytes authority, path
    cdef readonly Host host
    cdef public long long active
    cdef readonly double rests
    cdef double _told

cdef class Upstreams:
    cdef readonly list all
    cdef readonly double rest
    cdef readonly Pool pool
    cdef public object mgr
    cdef Py_ssize_t _next

    @cython.locals(best=Upstream, one=Upstream, everybody=list, count=Py_ssize_t, first=Py_ssize_t, i=Py_ssize_t)
    cpdef Upstream choose(self, double now, unsigned long long tried)
    cpdef object failed(self, Upstream upstream, double now, str why)
