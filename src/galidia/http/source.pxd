cimport cython
from ..core.connection cimport Connection
from .request cimport _BACKLOG, _NOTHING, Request

cdef class Source:
    cdef Request _request
    cdef object _pieces
    cdef bint _busy

    @cython.locals(request=Request, over=bint, failed=bint)
    cpdef object pull(self)
    cpdef object close(self)
    @cython.locals(c=Connection)
    cdef bint _send(self, Request request) except -1
