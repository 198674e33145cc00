cimport cython
from .mbuf cimport start_of
from .posix cimport sockaddr_storage

cdef class Transport:
    cdef public int fd
    cpdef Py_ssize_t recv(self, bytearray into, Py_ssize_t limit) except? -9999
    cpdef Py_ssize_t send(self, object data, Py_ssize_t limit, bint more) except? -9999
    @cython.locals(data=bytes)
    cpdef Py_ssize_t sendfile(self, int file, long long offset, Py_ssize_t count) except? -9999
    cpdef Py_ssize_t handshake(self, bytearray room) except? -9999
    cpdef int watch(self, int mask) except -9999
    cpdef bint pending(self) except -1
    cpdef Py_ssize_t unsent(self) except -1
    cpdef object shutdown(self)
    cpdef object close(self)
    cpdef object abort(self)
    cpdef object peer(self)
    cpdef object local(self)

cdef class SocketTransport(Transport):
    cdef object _sock
    cdef object _peer
    @cython.locals(n=Py_ssize_t)
    cpdef Py_ssize_t recv(self, bytearray into, Py_ssize_t limit) except? -9999
    @cython.locals(n=Py_ssize_t, flags=int)
    cpdef Py_ssize_t send(self, object data, Py_ssize_t limit, bint more) except? -9999
    @cython.locals(n=Py_ssize_t, at=long)
    cpdef Py_ssize_t sendfile(self, int file, long long offset, Py_ssize_t count) except? -9999

cdef class ListenTransport(SocketTransport):
    cdef readonly int error
    cdef readonly bint is_unix
    @cython.locals(raw=sockaddr_storage, fd=int, got=SocketTransport, port=int, text="char[64]")
    cpdef Transport accept(self)
