cimport cython

cpdef object items_of(headers)
@cython.locals(lines=list, line=bytes)
cpdef bytes header_lines(headers)
@cython.locals(n=Py_ssize_t, m=Py_ssize_t, line=bytes, p="unsigned char *")
cdef bytes field_line(name, value)
@cython.locals(i=Py_ssize_t)
cdef bint copy(unsigned char *to, const unsigned char *source, Py_ssize_t n, int kind) noexcept
