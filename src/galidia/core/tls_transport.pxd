cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING

from .mbuf cimport discard, extend, start_of
from .transport cimport Transport

cdef Py_ssize_t _RECORD, _WRITE_AT_ONCE, _FLIGHT
cdef int _AGAIN

cdef class TlsTransport(Transport):
    cdef Transport _inner
    cdef object _in
    cdef object _out
    cdef object _object
    cdef bytearray _outgoing
    cdef bytearray _early
    cdef bint _eof
    cdef bint _shut
    cdef bint _more
    cdef bint _waiting
    cdef str _error
    cdef readonly object tls

    @cython.locals(code=Py_ssize_t, n=Py_ssize_t)
    cpdef Py_ssize_t handshake(self, bytearray room) except? -9999
    @cython.locals(got=Py_ssize_t, n=Py_ssize_t)
    cpdef Py_ssize_t recv(self, bytearray into, Py_ssize_t limit) except? -9999
    @cython.locals(taken=Py_ssize_t, code=Py_ssize_t)
    cpdef Py_ssize_t send(self, object data, Py_ssize_t limit, bint more) except? -9999
    cdef Py_ssize_t _decrypt(self, bytearray into, Py_ssize_t start, Py_ssize_t end) except -1
    @cython.locals(plain="char *")
    cdef Py_ssize_t _encrypt(self, object data, Py_ssize_t start, Py_ssize_t end) except -1
    @cython.locals(n=Py_ssize_t, records="char *")
    cdef Py_ssize_t _fill(self, bytearray scratch, Py_ssize_t limit) except? -9999
    cdef Py_ssize_t _answer(self) except? -9999
    @cython.locals(n=Py_ssize_t, size=Py_ssize_t)
    cdef Py_ssize_t _deliver(self, bytes records) except? -9999
    @cython.locals(n=Py_ssize_t)
    cdef Py_ssize_t _flush(self) except? -9999
    cdef object _say_close(self)

cdef class ClientTls(TlsTransport):
    cdef dict _sessions
    cdef object _key
