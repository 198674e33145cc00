cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

cdef uint32_t turned(uint32_t key, Py_ssize_t phase) noexcept

@cython.locals(i=Py_ssize_t, wide=uint64_t, word=uint64_t, pattern="unsigned char[8]")
cdef void mask_into(unsigned char *to, unsigned char *p, Py_ssize_t n, uint32_t key) noexcept

@cython.locals(n=Py_ssize_t, made=bytes)
cpdef bytes masked(bytes data, uint32_t key)

@cython.locals(n=Py_ssize_t, made=bytes, base="unsigned char *", to="unsigned char *")
cpdef bytes cut(bytearray buf, Py_ssize_t start, Py_ssize_t end, uint32_t key, Py_ssize_t phase)

@cython.locals(base="unsigned char *")
cpdef object unmask(bytearray buf, Py_ssize_t start, Py_ssize_t end, uint32_t key, Py_ssize_t phase)
