"""Requests that other servers answer (RFC 9110 section 7).

``reverse_proxy`` is the handler, and ``relay`` one request on its way; ``upstreams`` says to whom,
``translation`` and ``hops`` with which head, and ``tunnel`` is what is left after 101.
"""
