cimport cython
from libc.string cimport memchr, memcmp
from .violations cimport ESCAPE, TARGET_FORM
from .grammar cimport DIGIT, HEX, HOST, KIND, bytes_t

cdef int PLAIN, NO_HOST, NO_PORT

@cython.locals(form=int, start=bytes_t, kind=bytes_t)
cdef int authority_at(bytes_t p, bytes_t end) noexcept

@cython.locals(last=bytes_t, p=bytes_t, hit=bytes_t, form=int, letter=int)
cdef int target_at(bytes_t base, Py_ssize_t method_end, Py_ssize_t start, Py_ssize_t end,
                   Py_ssize_t* path_start, Py_ssize_t* path_end) noexcept
