"""JSON that is sent (RFC 8259): made by orjson where it is installed (extra ``fast``), else by the
standard library.

The texts of both mean the same, though orjson writes some floats shorter. What JSON has no word
for, NaN and the infinities, is a ValueError, or null with orjson, which also takes UUIDs and enums.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["encode"]

_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]
else:
    # Not what the standard library would not take.
    _OPTIONS = (
        orjson.OPT_PASSTHROUGH_DATACLASS
        | orjson.OPT_PASSTHROUGH_DATETIME
        | orjson.OPT_PASSTHROUGH_SUBCLASS
    )


def encode(value: Any) -> bytes:
    """The UTF-8 text of a value. Raises TypeError or ValueError when it has none."""
    if orjson is not None:
        try:
            return orjson.dumps(value, option=_OPTIONS)
        except TypeError:
            pass  # a key that is a number, an integer over 64 bits: or the error is the same
    return _text(value).encode()
