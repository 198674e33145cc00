"""Masking (RFC 6455 5.3): each byte of a payload XOR the byte of the key whose turn it is.

A key is an int of 32 bits whose lowest byte comes first; 0 leaves everything as it is. ``phase`` is
how many bytes of the same payload went before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING, PyByteArray_GET_SIZE
    from cython.cimports.cpython.bytes import (
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
        PyBytes_GET_SIZE,
    )
    from cython.cimports.libc.string import memcpy

    def turned(key: Any, phase: Any) -> Any:
        # the key as seen from a byte in the middle of a payload
        phase = (phase & 3) * 8
        return key if phase == 0 else (key >> phase) | (key << (32 - phase))

    def mask_into(to: Any, p: Any, n: Any, key: Any) -> Any:
        # `to` and `p` are the same or do not overlap. The loops over words are vectorised.
        pattern: Any
        i = 0
        word = 0
        wide = key
        wide |= wide << 32
        memcpy(pattern, cython.address(wide), 8)  # noqa: F821
        if n >= 8:
            while i <= n - 8:
                memcpy(cython.address(word), p + i, 8)
                word ^= wide
                memcpy(to + i, cython.address(word), 8)
                i += 8
        while i < n:
            to[i] = p[i] ^ pattern[i & 7]  # noqa: F821
            i += 1


def masked(data: bytes, key: int) -> bytes:
    """A payload with this key applied."""
    if cython.compiled:
        n = PyBytes_GET_SIZE(data) if data is not None else 0
        made: bytes = PyBytes_FromStringAndSize(cython.NULL, n)
        mask_into(
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(made)),
            cython.cast(cython.p_uchar, PyBytes_AS_STRING(data)),
            n,
            key,
        )
        return made
    return _xor(data, key, 0)


def cut(buf: bytearray, start: int, end: int, key: int, phase: int) -> bytes:
    """``buf[start:end]`` with this key applied."""
    if cython.compiled:
        if buf is None or start < 0 or end < start or end > PyByteArray_GET_SIZE(buf):
            raise IndexError("outside of the buffer")
        base = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf)) + start
        n = end - start
        made: bytes
        if key == 0:
            made = PyBytes_FromStringAndSize(cython.cast(cython.p_char, base), n)
            return made
        made = PyBytes_FromStringAndSize(cython.NULL, n)
        to = cython.cast(cython.p_uchar, PyBytes_AS_STRING(made))
        mask_into(to, base, n, turned(key, phase))
        return made
    if start < 0 or end < start or end > len(buf):
        raise IndexError("outside of the buffer")
    data = bytes(buf[start:end])
    return _xor(data, key, phase) if key else data


def unmask(buf: bytearray, start: int, end: int, key: int, phase: int) -> None:
    """Apply this key to ``buf[start:end]`` where it lies."""
    if key == 0:
        return
    if cython.compiled:
        if buf is None or start < 0 or end < start or end > PyByteArray_GET_SIZE(buf):
            raise IndexError("outside of the buffer")
        base = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf)) + start
        mask_into(base, base, end - start, turned(key, phase))
        return
    buf[start:end] = cut(buf, start, end, key, phase)


def _xor(data: bytes, key: int, phase: int) -> bytes:
    """The pure branch: one operation on two large integers."""
    n = len(data)
    four = key.to_bytes(4, "little")
    phase &= 3
    pattern = (four[phase:] + four[:phase]) * (n // 4 + 1)
    mask = int.from_bytes(pattern[:n], "little")
    return (int.from_bytes(data, "little") ^ mask).to_bytes(n, "little")
