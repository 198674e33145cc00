cimport cython
from .name cimport Name

cdef bytes _LOCAL

cpdef bint is_local(Name name) except -1
