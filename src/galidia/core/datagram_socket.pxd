cimport cython
from .posix cimport galidia_batch
from .protocol cimport Protocol

cdef int _MANY
cdef Py_ssize_t _ROOM

@cython.final
cdef class Batch:
    cdef object _io
    cdef bint _failed
    cdef list _answers
    cdef bytearray _raw
    cdef public Py_ssize_t lost
    @cython.locals(n=int, size=Py_ssize_t, answer=bytes)
    cpdef Py_ssize_t exchange(self, bytearray scratch, Protocol protocol) except -1
    cdef bytes _ask(self, Protocol protocol, bytes datagram)
    @cython.locals(batch="galidia_batch *", room=cython.p_char, answers=list, n=int, k=int, i=int,
                   datagram=bytes, answer=bytes)
    cdef Py_ssize_t _exchange_many(self, bytearray scratch, Protocol protocol) except -1
