cimport cython

from .name cimport Name, made

cdef Py_ssize_t _HEADER, _LONGEST, _REACH
cdef int _MAX_POINTERS

cdef class Cursor:
    cdef readonly bytes data
    cdef public Py_ssize_t at, end
    cdef dict _names
    @cython.locals(at=Py_ssize_t)
    cpdef int u8(self) except -1
    @cython.locals(at=Py_ssize_t)
    cpdef int u16(self) except -1
    @cython.locals(high=cython.longlong)
    cpdef long long u32(self) except -1
    @cython.locals(at=Py_ssize_t)
    cpdef bytes take(self, Py_ssize_t n)
    cpdef bytes rest(self)
    cpdef bytes string(self)
    @cython.locals(data=bytes, at=Py_ssize_t, first=Py_ssize_t, begin=Py_ssize_t,
                   end=Py_ssize_t, after=Py_ssize_t, pointers=int, size=Py_ssize_t, n=int,
                   target=Py_ssize_t, prefix=bytes, wire=bytes, name=Name, known=Name)
    cpdef Name name(self)
    @cython.locals(at=Py_ssize_t, old=Py_ssize_t)
    cpdef Py_ssize_t narrow(self, Py_ssize_t n) except -1
    cpdef object widen(self, Py_ssize_t end)
    @cython.locals(at=Py_ssize_t)
    cdef Py_ssize_t _step(self, Py_ssize_t n) except -1

cdef class Writer:
    cdef readonly bytearray data
    cdef dict _names
    cpdef object u8(self, int value)
    cpdef object u16(self, int value)
    cpdef object u32(self, long long value)
    cpdef object raw(self, bytes data)
    cpdef object string(self, bytes data)
    @cython.locals(data=bytearray, names=dict, wire=bytes, key=bytes, start=Py_ssize_t,
                   at=Py_ssize_t, suffix=bytes)
    cpdef object name(self, Name name, bint compress=*)
    cpdef object shrink(self, Py_ssize_t size)
