cimport cython

cdef class Name:
    cdef readonly bytes wire
    cdef bytes _key

@cython.locals(name=Name)
cdef Name made(bytes wire)

@cython.locals(wire=bytearray, at=Py_ssize_t, label=str)
cdef bytes _wire_of_host(str text)
