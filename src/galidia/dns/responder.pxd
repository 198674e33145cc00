cimport cython

cdef Py_ssize_t _HEADER, _PLAIN
cdef int _TC, _OPCODE, _KEPT, _AXFR, _IXFR
cdef bytes _LOWER, _OPT
cdef Answer _REFUSED

@cython.final
cdef class Answer:
    cdef readonly bytes tail
    cdef readonly int bits, answers, authorities, additionals
    cdef readonly Py_ssize_t cut

cdef class Responder:
    cdef readonly dict answers, names
    cpdef Answer missing(self, bytes name, int type)
    @cython.locals(size=Py_ssize_t, end=Py_ssize_t, payload=Py_ssize_t, others=int, opt=int,
                   flags=int, key=bytes, answer=Answer)
    cpdef bytes respond(self, bytes query, Py_ssize_t limit, bint udp)
    @cython.locals(end=Py_ssize_t, zone_is_asked_for=bint, name=bytes, answer=Answer)
    cdef Answer _find(self, bytes key)
    @cython.locals(end=Py_ssize_t, key=bytes, answer=Answer)
    cdef bytes _rare(self, bytes query, Py_ssize_t limit, bint udp)

cpdef bytes refusal(bytes query, int rcode=*)

@cython.locals(size=Py_ssize_t, at=Py_ssize_t, n=int)
cdef Py_ssize_t question_end(bytes query) except -2

@cython.locals(size=Py_ssize_t, left=Py_ssize_t, payload=Py_ssize_t)
cdef Py_ssize_t opt_size(bytes query, Py_ssize_t at) except -2

@cython.locals(key=bytes, into=cython.p_uchar, data=cython.p_uchar, fold=cython.p_uchar,
               n=Py_ssize_t, i=Py_ssize_t)
cdef bytes lower(bytes query, Py_ssize_t end)

@cython.locals(bits=int, answers=int, authorities=int, additionals=int, size=Py_ssize_t,
               room=Py_ssize_t, reply=bytes, p=cython.p_uchar)
cdef bytes assemble(bytes query, Py_ssize_t end, Answer answer, Py_ssize_t limit, int opt, int flags)
