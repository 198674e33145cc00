cimport cython

cdef str _ANY
cdef frozenset _NO_VALUES

@cython.final
cdef class Match:
    cdef readonly object handler
    cdef readonly unsigned long long wants
    cdef readonly str pattern
    cdef readonly object params
    cdef readonly bint at_head

@cython.locals(match=Match)
cdef Match _new_match(object handler, unsigned long long wants, str pattern, bint at_head)

@cython.final
cdef class _Endpoint:
    cdef readonly str pattern
    cdef readonly list names
    cdef readonly object handler
    cdef readonly unsigned long long wants

    @cython.locals(match=Match, params=dict, i=Py_ssize_t)
    cpdef Match match(self, list values)

@cython.final
cdef class _Node:
    cdef public dict literals
    cdef public _Node one
    cdef public _Node rest
    cdef public dict methods

    cpdef _Endpoint endpoint(self, str method)

cdef class Endpoints:
    cdef _Node _root
    cdef readonly dict direct

    @cython.locals(segments=list, values=list, endpoint=_Endpoint)
    cpdef find(self, str method, str path)

@cython.locals(segment=str, last=bint, child=_Node, found=_Endpoint)
cdef _Endpoint _search(_Node node, list segments, Py_ssize_t at, str method, list values)

@cython.locals(segment=str, i=Py_ssize_t)
cdef bint _can_be_rest(list segments, Py_ssize_t at) except -1
