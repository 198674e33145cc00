cimport cython
from .bits cimport SCRATCH

cdef char *start_of(object data) noexcept

@cython.locals(old=Py_ssize_t)
cdef bytearray append(bytearray buf, bytearray data, Py_ssize_t n)
@cython.locals(size=Py_ssize_t)
cdef bytearray discard(bytearray buf, Py_ssize_t n)

@cython.locals(n=Py_ssize_t)
cdef Py_ssize_t put(bytearray out, Py_ssize_t used, object data) except -2

@cython.locals(old=Py_ssize_t, n=Py_ssize_t)
cdef bytearray extend(bytearray buf, object data)
