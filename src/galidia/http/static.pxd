cimport cython
from .request cimport Request
from .tree cimport Tree

cdef class _File:
    cdef tuple identity
    cdef long long size
    cdef readonly long long modified
    cdef readonly str etag
    cdef bytes lines
    cdef readonly bytes content
    cdef int fd
    cpdef object close(self)

cdef class StaticFiles:
    cdef readonly Tree tree
    cdef readonly tuple index
    cdef readonly bint listing
    cdef readonly dict _known
    cdef readonly Py_ssize_t _bytes
    @cython.locals(path=str)
    cpdef object serve(self, Request req)
    @cython.locals(file=_File)
    cdef object _serve_file(self, Request req, str path, object status)
    cdef object _serve_folder(self, Request req, str path)
    cdef _File _load(self, str path)
    @cython.locals(file=_File)
    cdef object _drop(self, str path)
