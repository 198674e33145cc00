"""Growing and shrinking a buffer that its owner may have let out of its hands.

A `bytearray` cannot be resized while somebody holds a view of it. The functions then leave that
one as it is to whoever holds it, and go on with a fresh one: use what they return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytearray import (
        PyByteArray_AS_STRING,
        PyByteArray_GET_SIZE,
        PyByteArray_Resize,
    )
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_GET_SIZE
    from cython.cimports.libc.string import memcpy
else:
    from .bits import SCRATCH

#: Up to so many bytes a copy costs less than a view.
SHORT = 1 << 12


if cython.compiled:

    def start_of(data: Any) -> Any:
        # of the memory of exactly a bytes or a bytearray
        return PyBytes_AS_STRING(data) if type(data) is bytes else PyByteArray_AS_STRING(data)


def append(buf: bytearray, data: bytearray, n: int) -> bytearray:
    """``buf`` with the first ``n`` bytes of ``data`` behind it."""
    if cython.compiled:
        old = len(buf)
        try:
            PyByteArray_Resize(buf, old + n)
        except BufferError:
            buf = bytearray(buf)
            PyByteArray_Resize(buf, old + n)
        memcpy(PyByteArray_AS_STRING(buf) + old, PyByteArray_AS_STRING(data), n)
        return buf
    if n <= SHORT:
        try:
            buf += data[:n]
        except BufferError:
            buf = bytearray(buf)
            buf += data[:n]
        return buf
    with memoryview(data) as view, view[:n] as part:
        try:
            buf += part
        except BufferError:
            buf = bytearray(buf)
            buf += part
    return buf


def put(out: bytearray, used: int, data: bytes | bytearray) -> int:
    """Put ``data`` behind the ``used`` bytes of a buffer that is kept for output of the moment.

    Returns how many are used then, or -1 and does nothing when there would be over `SCRATCH`. What
    is compiled uses a buffer of that size, and what is not lets it grow: each as it costs less.
    """
    if cython.compiled:
        n: int = PyBytes_GET_SIZE(data) if type(data) is bytes else PyByteArray_GET_SIZE(data)
        if n > SCRATCH - used:
            return -1
        memcpy(PyByteArray_AS_STRING(out) + used, start_of(data), n)
        return used + n
    used += len(data)
    if used > SCRATCH:
        return -1
    out += data
    return used


def extend(buf: bytearray, data: bytes | bytearray) -> bytearray:
    """``buf`` with ``data``, exactly a bytes or a bytearray, behind it."""
    if cython.compiled:
        old = len(buf)
        n = PyBytes_GET_SIZE(data) if type(data) is bytes else PyByteArray_GET_SIZE(data)
        try:
            PyByteArray_Resize(buf, old + n)
        except BufferError:
            buf = bytearray(buf)
            PyByteArray_Resize(buf, old + n)
        # After the resize: `data` may be the same buffer.
        memcpy(PyByteArray_AS_STRING(buf) + old, start_of(data), n)
        return buf
    try:
        buf += data
    except BufferError:
        buf = bytearray(buf)
        buf += data
    return buf


def discard(buf: bytearray, n: int) -> bytearray:
    """``buf`` without its first ``n`` bytes."""
    size = len(buf)
    try:
        if n == size:
            if cython.compiled:
                PyByteArray_Resize(buf, 0)
            else:
                buf.clear()
        else:
            del buf[:n]
    except BufferError:
        return bytearray(memoryview(buf)[n:])
    return buf
