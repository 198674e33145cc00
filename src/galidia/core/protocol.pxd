from .connection cimport Connection

cdef class Protocol:
    cdef readonly unsigned long long wants
    cpdef object on_event(self, Connection c, int ev, object data)
    cpdef Protocol child(self)
    cpdef bint forgives(self, Connection c, object error) except -1
    cpdef bint failed(self, Connection c) except -1
    cpdef bint ended(self, Connection c) except -1
    cpdef bint responds(self, Connection c) except -1
    cpdef bytes respond(self, bytes datagram)
    cpdef object send_message(self, Connection c, object data, object opcode)
    cpdef object close_message(self, Connection c, object code, str reason)
    cpdef object goodbye(self, Connection c)
