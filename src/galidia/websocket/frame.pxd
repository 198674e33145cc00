cimport cython
from libc.stdint cimport uint32_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from .masking cimport mask_into

cdef int _RESERVED_BITS, _OPCODE, _CONTROL_FRAGMENTED, _CONTROL_TOO_LONG, _CONTINUES_NOTHING
cdef int _MESSAGE_WITHIN, _NOT_MASKED, _MASKED, _LENGTH_NOT_MINIMAL, _LENGTH_SIGN, _FRAME_TOO_LARGE
cdef int _MESSAGE_TOO_LARGE, _TOO_MANY_FRAGMENTS, _NOT_UTF8, _CLOSE_PAYLOAD, _CLOSE_CODE
cdef int _CLOSE_REASON, _NOT_DEFLATED

cdef list _TEXT_HEADS, _BINARY_HEADS

cpdef bytes head(int first, Py_ssize_t n)

@cython.locals(n=Py_ssize_t, left=Py_ssize_t, size=int, i=int, made=bytes, p="unsigned char *")
cpdef bytes masked_frame(int first, bytes data, uint32_t key)
