cimport cython
from .message cimport Message, Record
from .name cimport Name

cdef int _CLASS_BITS, _IN, _NXDOMAIN, _ANY, _CNAME
cdef Py_ssize_t _ENTRY, _RECORD

@cython.final
cdef class Outcome:
    cdef readonly Name name
    cdef readonly tuple records
    cdef readonly object ttl, kind
    cdef readonly str text

@cython.locals(first=Name, answers=list, number=int, found=list, known=list, r=Record)
cpdef object read_reply(Message message, Name asked, Name name, object type, object aliases=*,
                        object ttl=*)

@cython.locals(found=list, record=Record)
cdef list _records(list records, Name name, int number)

cdef bint _belongs(Record record, Name name) except -1

@cython.locals(record=Record)
cdef object _negative_ttl(Message message, Name name)
