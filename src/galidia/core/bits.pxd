# See bits.py.
cdef unsigned int LISTENING
cdef unsigned int UDP
cdef unsigned int RESOLVING
cdef unsigned int CONNECTING
cdef unsigned int SSL
cdef unsigned int SSL_HANDSHAKE_DONE
cdef unsigned int RECV_AND_CLOSE
cdef unsigned int SEND_AND_CLOSE
cdef unsigned int CLOSE_IMMEDIATELY
cdef unsigned int ENABLE_BROADCAST
cdef unsigned int BUFFER_BUT_DONT_SEND
cdef unsigned int SETTABLE
cdef unsigned int CREATION
cdef int POLL
cdef int ACCEPT
cdef int CONNECT
cdef int RECV
cdef int SEND
cdef int CLOSE
cdef int TIMER
cdef int CONGESTED
cdef int DRAINED
cdef int READABLE
cdef int WRITABLE
cdef int ENDED
cdef int EDGE
cdef int EAGAIN
cdef int EWOULDBLOCK
cdef int EINTR
cdef int NUMBERS
cdef int OTHER
cdef Py_ssize_t SCRATCH
