cimport cython
from ..core.bits cimport CLOSE_IMMEDIATELY, RECV, SEND_AND_CLOSE
from ..core.connection cimport Connection
from ..core.mbuf cimport discard
from ..core.protocol cimport Protocol
from . cimport violations as v
from .message cimport Body, Message
from .outline cimport find_end, skip_blank

cdef int _IDLE, _IN_HEAD, _HELD, _COUNTED, _CHUNKED, _UNTIL_CLOSE, _NO_BODY
cdef int _HTTP_CHUNK
cdef unsigned int _DELETE_CHUNK

cdef class Reader(Protocol):
    cdef public Py_ssize_t head_limit, max_fields, body_limit
    cdef public int state
    cdef public Message message
    cdef public Body body
    cdef public bint skips_blank, whole
    cdef Py_ssize_t _searched
    cdef unsigned int _stop
    cdef bint _reading

    cpdef object _set_up(self, unsigned long long wants, Py_ssize_t head_limit, Py_ssize_t max_fields,
                         Py_ssize_t body_limit, bint skips_blank=*, unsigned int stop=*)
    cpdef object head_begun(self, Connection c)
    cpdef int begin(self, Connection c, bytearray buf, Py_ssize_t start, Py_ssize_t end) except? -9999
    cpdef object body_begun(self, Connection c)
    cpdef object arrived(self, Connection c)
    cpdef object completed(self, Connection c)
    cpdef object violated(self, Connection c, object violation)

    @cython.locals(buf=bytearray, start=Py_ssize_t, end=Py_ssize_t, framing=int)
    cpdef object read(self, Connection c)
    @cython.locals(message=Message, body=Body)
    cdef object _begin_body(self, Connection c, int framing)
    @cython.locals(body=Body, n=Py_ssize_t)
    cdef bint _read_body(self, Connection c, bytearray buf) except -1
    @cython.locals(content=bytearray, before=Py_ssize_t, used=Py_ssize_t, done=bint)
    cdef bint _read_chunks(self, Connection c, bytearray buf, Body body) except -1
    @cython.locals(state=int)
    cdef object _more(self, Connection c, Body body, bint last)
    cdef object _complete(self, Connection c, Body body)
    @cython.locals(body=Body)
    cpdef object offer(self, Connection c)
    cpdef object settle(self, Connection c, Body body)
    cpdef object check(self, Connection c, Body body)
    cpdef object violate(self, Connection c, int fault, str text=*)
    cpdef object resume(self, Connection c)
    cdef object _continue(self, Connection c, Body body)
