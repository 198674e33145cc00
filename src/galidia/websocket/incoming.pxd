cimport cython
from libc.stdint cimport uint32_t, uint64_t
from . cimport frame as f
from .masking cimport cut, unmask
from .utf8 cimport _BAD, _DONE, advance, advance_in

cdef int _NOTHING, _MESSAGE, _CONTROL, _FAULT
cdef int _TEXT, _CLOSE, _FIN, _RSV1

@cython.final
cdef class Incoming:
    cdef public Py_ssize_t at
    cdef readonly bint client
    cdef readonly int flags, fault
    cdef readonly bytes payload
    cdef readonly Py_ssize_t collected
    cdef readonly object inflater
    cdef Py_ssize_t _frame_limit, _message_limit, _max_fragments
    cdef bint _in_frame, _compressed
    cdef int _first, _opcode, _utf8
    cdef uint32_t _key
    cdef Py_ssize_t _left, _taken, _done, _fragments
    cdef bytearray _parts

    @cython.locals(left=Py_ssize_t, have=Py_ssize_t, first=int, payload=bytes)
    cpdef int next(self, bytearray buf, Py_ssize_t room, bint defrag) except -1
    @cython.locals(at=Py_ssize_t, have=Py_ssize_t, mask=Py_ssize_t, limit=uint64_t, first=int, second=int, opcode=int,
                   fault=int, size=int, width=int, i=int, key=uint32_t, left=uint64_t)
    cdef bint _read_head(self, bytearray buf, bint defrag) except -1
    cdef bint _begin_data(self, int first, int opcode, Py_ssize_t left, bint defrag) except -1
    cdef int _look_at_part(self, bytearray buf, Py_ssize_t have, Py_ssize_t room) except -1
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cdef object _check(self, bytearray buf, Py_ssize_t have)
    @cython.locals(piece=bytes, checked=bint)
    cdef bint _take(self, bytearray buf, Py_ssize_t n, bint last) except -1
    @cython.locals(first=int, last=bint)
    cdef bint _end_frame(self, bytearray buf, Py_ssize_t left, bint defrag) except -1
    @cython.locals(at=Py_ssize_t, fault=int)
    cdef int _end_control(self, bytearray buf, Py_ssize_t left) except -1
    cdef int _violate(self, int fault) except -1

@cython.locals(fault=int)
cdef int close_fault(bytes payload) except -1
