cimport cython
from libc.stdint cimport uint64_t
from ...core.file cimport OpenFile
from .tree cimport Tree

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/stat.h>

    /* Whether a path leads to the file that has these numbers, as `_identity` puts them. */
    static inline int galidia_is_same(const char *path, const uint64_t *numbers) {
        struct stat now;
        if (stat(path, &now) != 0) return 0;
    #ifdef __APPLE__
        #define GALIDIA_NS(what) ((uint64_t)now.what##spec.tv_sec * 1000000000u + (uint64_t)now.what##spec.tv_nsec)
    #else
        #define GALIDIA_NS(what) ((uint64_t)now.what.tv_sec * 1000000000u + (uint64_t)now.what.tv_nsec)
    #endif
        return (uint64_t)now.st_ino == numbers[0] && (uint64_t)now.st_dev == numbers[1]
            && (uint64_t)now.st_size == numbers[2]
    #ifdef __APPLE__
            && GALIDIA_NS(st_mtime) == numbers[3] && GALIDIA_NS(st_ctime) == numbers[4];
    #else
            && GALIDIA_NS(st_mtim) == numbers[3] && GALIDIA_NS(st_ctim) == numbers[4];
    #endif
    }
    """
    bint galidia_is_same(const char *, const uint64_t *) nogil

cdef class File:
    cdef readonly tuple identity
    cdef public long long size
    cdef readonly long long modified
    cdef readonly double changed
    cdef readonly str content_type, etag
    cdef readonly bint varies
    cdef uint64_t numbers[5]
    cdef readonly bytes name, lines, rest, validators
    cdef public bytes content
    cdef public OpenFile opened
    cdef public double looked
    cdef public tuple neighbours, poor
    cpdef bytes part(self, long long start, long long end)

cdef class FileCache:
    cdef Tree _tree
    cdef bytes _extra
    cdef object _types
    cdef bint _compresses, _precompressed
    cdef readonly dict _known
    cdef readonly Py_ssize_t _bytes
    @cython.locals(file=File, name="const char *", same=bint)
    cpdef File current(self, str path)
    cpdef bint knows(self, str path) except -1
    @cython.locals(file=File)
    cpdef File get(self, str path, object status)
    @cython.locals(file=File)
    cpdef object drop(self, str path)
    @cython.locals(file=File, opened=OpenFile)
    cdef File _load(self, str path, str key, str coding, str kind)
    cdef object _keep(self, str key, File file)

cdef tuple _identity(object status)
