"""Loads a package from its Python sources although compiled modules lie beside them.

Mixing the two builds in one package breaks it, so the switch is for the whole package and must
come before its first other import.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType


class SourceFinder:
    """Finds the modules below one package, and of those only the .py files."""

    def __init__(self, package: str) -> None:
        self.prefix = package + "."

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(self.prefix):
            return None
        for folder in path or ():
            spec = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)
            if spec is not None:
                return spec
        return None


def load_sources(package: str) -> None:
    """From here on, modules of `package` that are not loaded yet come from their sources."""
    sys.meta_path.insert(0, SourceFinder(package))
