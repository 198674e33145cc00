cimport cython
from .bits cimport (ACCEPT, BUFFER_BUT_DONT_SEND, CLOSE_IMMEDIATELY, CONNECT, CONNECTING, EAGAIN, EDGE, EINTR, ENDED,
                    EWOULDBLOCK, READABLE, RECV, RECV_AND_CLOSE, RESOLVING, SCRATCH, SEND, SEND_AND_CLOSE,
                    SSL, SSL_HANDSHAKE_DONE, WRITABLE)
from .connection cimport Connection
from .file cimport FileSegment, OpenFile
from .manager cimport Manager
from .mbuf cimport append, discard
from .timers cimport Timer
from .transport cimport Transport

cdef int _ESTABLISHING, _HANDSHAKE, _OPEN
cdef Py_ssize_t _WRITE_BURST, _BULK, _IN_PLACE
cdef object _RECV_EVENT
cdef int _DRAIN

cdef class HandshakeDeadline:
    cdef readonly object target
    cdef Timer _timer

cdef class Stream(Connection):
    cdef Transport _io
    cdef object _address
    cdef int _interest
    cdef int _phase
    cdef int _failure
    cdef bint _eof
    cdef bint _shut
    cdef bint _blocked
    cdef bint _bulk
    cdef bint _starved
    cdef bint _filtered
    cdef public object _setup
    cdef FileSegment _files

    @cython.locals(opened=OpenFile, segment=FileSegment, last=FileSegment)
    cpdef object send_file(self, object file, long long offset=*, object count=*)
    cpdef object _ready(self, int mask)
    cpdef object _service(self)
    cpdef object _release(self)
    @cython.locals(mask=int)
    cpdef object _watch(self)
    @cython.locals(total=Py_ssize_t, segment=FileSegment)
    cpdef Py_ssize_t _unsent(self) except -1
    cpdef object _start(self, Transport io, int interest)
    @cython.locals(mgr=Manager, n=Py_ssize_t, limit=Py_ssize_t)
    cdef bint _read(self) except -1
    cdef object _ready_more(self, int mask)
    @cython.locals(n=Py_ssize_t)
    cdef Py_ssize_t _read_in_place(self, Transport io, Py_ssize_t limit) except? -9999
    cdef object _read_pending(self)
    @cython.locals(n=Py_ssize_t, size=Py_ssize_t, budget=Py_ssize_t)
    cdef object _write(self)
    @cython.locals(n=Py_ssize_t, budget=Py_ssize_t, count="long long", segment=FileSegment)
    cdef object _write_files(self)
    @cython.locals(mgr=Manager, n=Py_ssize_t, size=Py_ssize_t)
    cdef object _write_direct(self, Transport io)
    cdef object _wrote(self, Py_ssize_t n)
    cdef object _resume(self)
    cdef object _handshake(self)
    cdef object _established(self)
    cdef object _lost(self, Py_ssize_t code)
    cdef object _close_when_done(self)
    cdef object _drain(self, Transport io)
