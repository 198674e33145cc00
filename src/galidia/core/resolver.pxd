cdef class Lookup:
    cdef public object name, addresses, error, records
    cdef object _canonical

cdef class Resolver:
    cdef public object hosts
    cdef readonly object _mgr
    cdef object __weakref__

cdef class Resolving:
    cdef object _cancel, _given, _mgr, _name, _timer
    cdef list _found
    cdef bint _inside
