# The classes are to be derived from, and register themselves: they are as they are.
from .wire cimport Cursor

cdef int _IN
cdef dict _CLASSES

cpdef object read_rdata(Cursor cursor, object type, int rclass)
