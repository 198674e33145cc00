"""HTTP/1.1: the codec, the server, the client, and a folder served over it.

``outline``, ``head`` and ``chunked`` are the codec, ``reader`` reads messages off a connection with
it, and ``server`` and ``client`` say what for; ``message``, ``request`` and what lies beside them
are what the handlers of their events get.
"""

from .files import Files
from .options import HttpOptions
from .request import Request

__all__ = ["Files", "HttpOptions", "Request"]
