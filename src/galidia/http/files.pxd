cimport cython
from .tree cimport Tree

cdef class File:
    cdef readonly tuple identity
    cdef public long long size
    cdef readonly long long modified
    cdef readonly double changed
    cdef readonly str content_type, etag
    cdef readonly bint varies
    cdef readonly bytes lines, rest, validators
    cdef public bytes content
    cdef public int fd
    cdef public double looked
    cdef public tuple neighbours, poor
    cpdef bytes part(self, long long start, long long end)
    cpdef object close(self)

cdef class FileCache:
    cdef Tree _tree
    cdef bytes _extra
    cdef object _types
    cdef bint _compresses, _precompressed
    cdef readonly dict _known
    cdef readonly Py_ssize_t _bytes
    cpdef bint knows(self, str path) except -1
    @cython.locals(file=File)
    cpdef File get(self, str path, object status)
    @cython.locals(file=File)
    cpdef object drop(self, str path)
    @cython.locals(file=File)
    cdef File _load(self, str path, str key, str coding, str kind)
    cdef object _keep(self, str key, File file)

cdef tuple _identity(object status)
