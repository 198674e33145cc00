cimport cython
from ..core.manager cimport Manager
from ..core.resolver cimport Lookup
from ..core.resolver cimport Resolver as CoreResolver
from .cache cimport Cache
from .channels cimport Dice, Server
from .name cimport Name
from .outcome cimport Outcome
from .query cimport Query, Way

cdef int _PTR
cdef tuple _SPECIAL, _SPECIAL_LABELS

cdef class Resolver(CoreResolver):
    cdef readonly Manager mgr
    cdef public Cache cache
    cdef public Py_ssize_t max_pending, max_active
    cdef readonly object _file
    cdef dict _given
    cdef Dice _dice
    cdef Way _link
    cdef list _servers
    cdef tuple _known
    cdef Py_ssize_t _turn, _active, _waiting
    cdef long long _ignored
    cdef bint _starting, _closed
    cdef dict _queries
    cdef object _queue
    cdef list _find_servers(self, object conf)
    cdef Way _way(self)
    @cython.locals(folded=bytes, key=tuple, known=Outcome, query=Query, number=cython.longlong)
    cpdef object question(self, Name name, object type, object callback)
    @cython.locals(query=Query)
    cdef object _start(self)
    cpdef object _leave(self, Query query, long long number)
    cdef object _remove(self, Query query)
    cpdef object _finished(self, Query query, Outcome outcome)
    cpdef object _deliver(self, Query query, Outcome outcome)

@cython.locals(key=bytes)
cdef Outcome _special(Name name, object type)

cpdef object _tell(object name, object answer, Outcome outcome)
