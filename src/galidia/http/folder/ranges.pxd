cimport cython

cdef long long _HUGE, _MOST
cdef int _EMPTY, _FIRST, _DASH, _LAST, _BEHIND

@cython.locals(at=Py_ssize_t, c=Py_UCS4, first="long long", last="long long", count=int, part=int)
cpdef list parse_ranges(str value, long long size)
cpdef str content_range(long long start, long long end, long long size)
