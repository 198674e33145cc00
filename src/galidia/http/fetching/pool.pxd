cimport cython
from ...core.bits cimport CLOSE_IMMEDIATELY, SEND_AND_CLOSE
from ...core.connection cimport Connection
from ...core.manager cimport Manager
from ...core.timers cimport Timer
from ..client cimport ClientProtocol
from ..reply cimport Reply

cdef object _CLOSE, _CHUNK, _REPLY
cdef unsigned long long _WHOLE, _STREAMING

cdef class User:
    cdef readonly Manager mgr
    cdef public object _timeouts
    cdef public Host _host
    cdef public Link _link

    cpdef object _begin(self, Link link)
    cpdef object _on_interim(self, Reply reply)
    cpdef object _on_chunk(self, Reply reply)
    cpdef object _on_reply(self, Link link, Reply reply)
    cpdef object _on_lost(self, Link link, object error)
    cpdef object _fail(self, object error)

cdef class Pool:
    cdef public object max_per_host, max_idle
    cdef public double idle_timeout
    cdef readonly dict _hosts
    cdef dict _environ, _proxies
    cdef readonly dict _idle
    cdef object __weakref__

cdef class Host:
    cdef readonly Pool pool
    cdef readonly object key
    cdef readonly str address
    cdef readonly object tunnel
    cdef readonly dict tls, options
    cdef readonly set links
    cdef readonly list idle
    cdef readonly object waiting

    @cython.locals(link=Link, c=Connection)
    cpdef object acquire(self, User user, bint fresh=*)
    @cython.locals(pool=Pool, c=Connection)
    cpdef object release(self, Link link, Reply reply)

cdef class Link:
    cdef public User user
    cdef readonly Host host
    cdef readonly Connection c
    cdef public ClientProtocol protocol
    cdef readonly bint reused, streams, tunnelling
    cdef public double patience
    cdef public int code
    cdef Timer timer

    cpdef object use(self, User user, bint reused)
    cpdef object stream(self, bint streams)
    @cython.locals(mgr=Manager, when=double)
    cpdef object wait(self, double seconds)
