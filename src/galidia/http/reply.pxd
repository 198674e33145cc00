cimport cython
from ..core.connection cimport Connection
from .message cimport Message

cdef list _NONE

cdef class Reply(Message):
    cdef readonly str request_method
    cdef public list interim

@cython.locals(reply=Reply)
cdef Reply new_reply(Connection c, str method)
