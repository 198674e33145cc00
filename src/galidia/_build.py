"""Tells which build runs. Compiled with the hot modules, so that its own flag answers for all."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from . import _cython as cython

COMPILED: bool = cython.compiled
"""True when the engine and the codecs run as C, False when they run as Python."""
