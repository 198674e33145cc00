cimport cython

@cython.final
@cython.freelist(16)
cdef class Message:
    cdef readonly bytes data
    cdef readonly int flags

@cython.locals(message=Message)
cdef Message new_message(bytes data, int flags)
