cimport cython
from ..core.bits cimport CLOSE_IMMEDIATELY, SEND_AND_CLOSE
from ..core.connection cimport Connection
from .frame cimport head
from .protocol cimport _OPEN, WebSocketProtocol, as_payload, first_byte

@cython.locals(payload=bytes, first=int, frame=bytes, count=Py_ssize_t, c=Connection,
               found=object, protocol=WebSocketProtocol, packed=dict, made=bytes)
cpdef send_many(object connections, object data, object opcode=*)
