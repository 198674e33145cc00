cimport cython

@cython.locals(unit=str, text=str, part=str, first=str, dash=str, last=str, start="long long",
               end="long long", number="long long", count=Py_ssize_t)
cpdef list parse_ranges(str value, long long size)
cpdef str content_range(long long start, long long end, long long size)
cdef long long _number(str digits) except? -1
