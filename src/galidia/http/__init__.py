"""HTTP/1.1: the codec, the protocol, and a folder served over it.

``head`` is the codec of request heads, ``protocol`` binds it to a connection and emits
``HTTP_REQUEST``, ``request`` is what that event carries and how it is answered; ``files`` and
``listing`` serve a folder.
"""

from .files import Files
from .options import HttpOptions
from .request import Request

__all__ = ["Files", "HttpOptions", "Request"]
