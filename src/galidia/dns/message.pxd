cimport cython

from .name cimport Name
from .rdata cimport read_rdata
from .wire cimport Cursor, Writer

cdef int _NO_FLAGS, _DNSSEC_OK, _OPT

cdef class Question:
    cdef public Name name
    cdef public object type, rclass

cdef class Record:
    cdef public Name name
    cdef public object data, ttl, rclass

cdef class Opt:
    cdef public object payload_size, dnssec_ok, version, options

cdef class Message:
    cdef public object id, flags, opcode, rcode, questions, answers, authorities, additionals, opt
    cdef public object connection, limit

@cython.locals(cursor=Cursor, bits=int, asked=int, answers=int, authorities=int, additionals=int,
               question=Question, questions=list)
cdef object _read(Message message, bytes data, bint trailing)

@cython.locals(at=Py_ssize_t, end=Py_ssize_t, name=Name, number=int, rclass=int,
               ttl=cython.longlong, record=Record)
cdef list _read_records(Cursor cursor, int count, Message message)

@cython.locals(options=list, code=int, opt=Opt)
cdef Opt _read_opt(Cursor cursor, int payload_size, long long ttl)
