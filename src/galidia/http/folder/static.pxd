cimport cython
from ..outline cimport IF_RANGE, RANGE
from ..request cimport Request
from .conditions cimport check, range_holds
from .files cimport File, FileCache
from .ranges cimport content_range, parse_ranges
from .tree cimport Tree

cdef class StaticFiles:
    cdef readonly Tree tree
    cdef readonly tuple index
    cdef readonly bint listing
    cdef readonly object acl, auth, cgi, dav, ssi
    cdef readonly object __galidia_events__
    cdef readonly FileCache _files
    cdef FileCache _pages
    cdef object _hides
    cdef dict _errors
    cdef list _extra, _sites
    @cython.locals(target=str)
    cpdef object serve(self, Request req, int ev=*)
    @cython.locals(path=str, method=str, reads=bint, file=File)
    cpdef object _serve(self, Request req, str target, int ev)
    @cython.locals(length=Py_ssize_t)
    cdef str _locate(self, Request req, str target)
    cdef object _serve_folder(self, Request req, str path)
    cdef object _serve_file(self, Request req, str path, object status)
    cdef object _send(self, Request req, str path, File file)
    @cython.locals(status=int)
    cdef bint _is_answered(self, Request req, File file) except -1
    @cython.locals(start="long long", end="long long")
    cdef bint _serve_ranges(self, Request req, File file) except -1
    cdef object _serve_parts(self, Request req, File file, list ranges)
    cdef bint _run_script(self, Request req, str target, bint reads) except -1
    cdef bint _is_script(self, str path) except -1
    @cython.locals(file=File)
    cdef object _error(self, Request req, int status, str text, object headers)
    cpdef object _share_pages(self, StaticFiles other)
    cdef object _fail(self, Request req, object error)
