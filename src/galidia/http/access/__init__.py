"""Who may: guards in front of handlers (RFC 7617, RFC 7616).

``guards`` are basic and digest, ``nonces`` what digest asks with, ``passwords`` the files.
"""
