"""A second copy of the package, always pure Python, beside the one under test."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import galidia
from galidia._pure import load_sources

PACKAGE = Path(galidia.__file__).parent
NAME = "galidia_pure"


def load_pure() -> ModuleType:
    """The pure copy; its modules are `galidia_pure.core.manager` and so on, made on first use."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            NAME, PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
        )
        assert spec is not None
        assert spec.loader is not None
        load_sources(NAME)
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
    return sys.modules[NAME]


def pure_module(name: str) -> ModuleType:
    """The pure copy of a module: `pure_module("http.head")`."""
    load_pure()
    return importlib.import_module(f"{NAME}.{name}")
