cimport cython
from .outcome cimport Outcome

@cython.final
cdef class Cache:
    cdef readonly Py_ssize_t max_entries, max_bytes, bytes
    cdef readonly long long hits
    cdef object _entries
    @cython.locals(until=double)
    cpdef Outcome get(self, bytes name, object type, double now)
    @cython.locals(size=Py_ssize_t)
    cpdef object put(self, bytes name, object type, Outcome outcome, double now)
    cdef object _remove(self, tuple key)
