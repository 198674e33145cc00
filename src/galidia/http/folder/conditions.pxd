cimport cython
from ..outline cimport (
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
)
from ..request cimport Request

@cython.locals(there=int)
cpdef int check(Request req, str etag, object modified) except -1
cpdef bint range_holds(Request req, str etag, object modified) except -1
cdef bint _match(list values, str etag, object modified, bint strong) except -1
cdef object _date(Request req, str name)
