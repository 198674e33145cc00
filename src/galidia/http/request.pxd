cimport cython
from ..core.connection cimport Connection
from ..core.protocol cimport Protocol
from .head cimport Head

cdef list _STATUS_LINES
cdef bytes _CLOSE_LINE, _KEEP_LINE
cdef Py_ssize_t _TOGETHER

@cython.final
cdef class DateLine:
    cdef bytes _line
    cdef double _until
    cdef bytes at(self, Connection c)

@cython.locals(total=Py_ssize_t, digits=int, left="unsigned long long", number="char[24]", p="char *", message=bytes)
cdef bytes assemble(bytes status, bytes date, bytes extra, long long length, bytes body)

cdef class Answering(Protocol):
    cpdef object answered(self, Connection c, Request request)

cdef class Request(Head):
    cdef readonly Connection connection
    cdef readonly bytes body
    cdef readonly bint replied
    cdef bint _last
    cdef Py_ssize_t _body_start
    cdef Answering _protocol
    cdef DateLine _date
    cdef object __weakref__

    @cython.locals(content=bytes, extra=bytes, kind=bytes, line=bytes)
    cpdef object reply(self, int status=*, object body=*, object headers=*)
    @cython.locals(line=bytes)
    cdef object _send(self, int status, long long length, bytes extra, bytes content)
    cpdef object reply_bytes(self, bytes content, bytes extra)
    cpdef object reply_file(self, int fd, long long length, bytes extra)
    cdef object _finished(self)

@cython.locals(request=Request)
cdef Request new_request(Connection c, Answering protocol, DateLine date)
