cimport cython
from ..core.connection cimport Connection
from ..core.file cimport OpenFile
from ..core.protocol cimport Protocol
from .fields cimport header_lines
from .message cimport Message
from .reader cimport Reader

cdef list _STATUS_LINES
cdef bytes _CLOSE_LINE, _KEEP_LINE
cdef Py_ssize_t _TOGETHER, _BACKLOG
cdef DateLine _UNDATED
cdef int _CHUNKS, _UNTIL_CLOSE, _NOTHING

@cython.final
cdef class DateLine:
    cdef bytes _line
    cdef double _until
    cdef bytes at(self, Connection c)

@cython.locals(total=Py_ssize_t, digits=int, left="unsigned long long", number="char[24]", p="char *", message=bytes)
cdef object _deliver(Connection c, bytes status, bytes date, bytes extra, long long length, bytes body)

cdef class Answering(Reader):
    cdef public bint expects, defers
    cpdef object answered(self, Connection c, Request request)
    cpdef object streams(self, Connection c)
    cpdef object when_drained(self, Connection c, object callback)
    cpdef bint is_cut(self) except -1
    cpdef object switched(self, Connection c, Protocol protocol)
    cpdef object handed_over(self, Connection c, Request request, object handler, int ev)

@cython.final
cdef class Request(Message):
    cdef readonly bint replied
    cdef bint _last
    cdef long long _left
    cdef Answering _protocol
    cdef DateLine _date
    cdef object _source
    cdef readonly int answer_status
    cdef readonly long long answer_size
    cdef readonly double began

    @cython.locals(content=bytes, extra=bytes, kind=bytes, line=bytes)
    cpdef object reply(self, int status=*, object body=*, object headers=*)
    cpdef object send_head(self, int status=*, object headers=*, object length=*)
    @cython.locals(left="long long")
    cdef object _start(self, int status, long long length, bytes extra)
    cpdef object relay(self, int status, bytes lines, bint dated, long long length, bytes content, bint whole)
    @cython.locals(left="long long")
    cpdef object send_chunk(self, object data)
    cpdef object end(self, object trailers=*)
    cdef bint _has_no_body(self, int status) except -1
    cdef bint _is_open(self) except -1
    @cython.locals(line=bytes)
    cdef object _send(self, int status, long long length, bytes extra, bytes content)
    cpdef object reply_bytes(self, bytes content, bytes extra, int status=*)
    cpdef object reply_file(self, OpenFile file, long long length, bytes extra, int status=*,
                            long long offset=*)
    cdef object _finished(self)
    cpdef object cut_off(self)

@cython.locals(request=Request)
cdef Request new_request(Connection c, Answering protocol, DateLine date)
