"""WebDAV: a folder that clients may change (RFC 4918).

``service`` is the handler; ``properties``, ``locking``, ``changes`` and ``put`` are its methods,
and ``space`` is what they share.
"""

from .service import WebDav

__all__ = ["WebDav"]
