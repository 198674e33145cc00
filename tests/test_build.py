"""Two builds of one source: the rules that keep them one."""

import ast
import importlib
import os
import re
import runpy
import subprocess
import sys
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import galidia
from tests.twin import PACKAGE

ROOT = Path(__file__).parent.parent
FIELD = re.compile(r"^    cdef (?:(?:public|readonly) )?(?P<names>[^()#=]+?)(?:\s*#.*)?$")
# The type comes first and may have several words; the names are the last one and what follows.
NAMES = re.compile(r"(\w+)(?:\[[^\]]*\])?\s*(?:,|$)")


def twins() -> dict[str, Path]:
    """Modules that are compiled, by name."""
    return {
        ".".join(["galidia", *pxd.relative_to(PACKAGE).with_suffix("").parts]): pxd
        for pxd in sorted(PACKAGE.rglob("*.pxd"))
        if pxd.with_suffix(".py").exists()
    }


def fields(pxd: str) -> dict[str, set[str]]:
    """The C fields of each class of a .pxd."""
    found: dict[str, set[str]] = {}
    names: set[str] = set()
    for line in pxd.splitlines():
        if header := re.match(r"cdef class (\w+)", line):
            names = found[header[1]] = set()
        elif line and not line[0].isspace():
            names = set()  # what follows belongs to no class
        elif field := FIELD.match(line):
            names.update(NAMES.findall(field["names"]))
    return found


def slots(source: str) -> dict[str, set[str]]:
    """The `__slots__` of each class of a module that has them."""
    found = {}
    for node in ast.parse(source).body:
        for line in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__slots__":
                assert isinstance(node, ast.ClassDef)
                value = ast.literal_eval(line.value)
                found[node.name] = {value} if isinstance(value, str) else set(value)
    return found


def test_fields_are_read_from_a_pxd() -> None:
    text = (
        "cdef class A(B):\n"
        "    cdef readonly Py_ssize_t head, tail  # ends\n"
        "    cdef object __weakref__\n"
        "    cdef unsigned char[4] mask\n"
        "    cdef char *at\n"
        "    cdef int _work(self, int x) except -1\n"
        "    cpdef void close(self)\n"
        "cdef struct C:\n"
        "    int x\n"
        "cdef class D:\n"
        "    pass\n"
    )
    assert fields(text) == {"A": {"head", "tail", "__weakref__", "mask", "at"}, "D": set()}


@pytest.mark.parametrize("name", twins())
def test_slots_are_the_fields(name: str) -> None:
    pxd = twins()[name]
    declared = fields(pxd.read_text())
    written = slots(pxd.with_suffix(".py").read_text())
    assert {cls: written.get(cls) for cls in declared} == declared


@pytest.mark.parametrize("name", twins())
def test_all_modules_are_of_one_build(name: str) -> None:
    spec = importlib.import_module(name).__spec__
    assert spec is not None
    loader = ExtensionFileLoader if galidia.COMPILED else SourceFileLoader
    assert type(spec.loader) is loader


@pytest.mark.parametrize("name", twins())
def test_the_pure_copy_runs_from_source(name: str, pure: ModuleType) -> None:
    copy = importlib.import_module(name.replace("galidia", pure.__name__, 1))
    assert copy.__spec__ is not None
    assert type(copy.__spec__.loader) is SourceFileLoader
    assert pure.COMPILED is False


def test_setup_compiles_the_modules_with_a_pxd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    setup: dict[str, Any] = runpy.run_path("setup.py", run_name="setup")
    assert [name for name, _ in setup["twins"]()] == list(twins())


def test_no_package_file_is_compiled() -> None:
    # __init__.py decides whether the others come from source, so it has to be source itself.
    assert not [name for name in twins() if name.endswith("__init__")]


def test_the_switch_to_source_covers_the_package() -> None:
    program = (
        "import sys, importlib, galidia\n"
        "assert galidia.COMPILED is False\n"
        "for name in sys.argv[1:]:\n"
        "    assert importlib.import_module(name).__file__.endswith('.py'), name\n"
        "assert 'Cython' not in sys.modules and 'cython' not in sys.modules\n"
    )
    environment = os.environ | {"GALIDIA_PURE": "1"}
    subprocess.run([sys.executable, "-c", program, *twins()], env=environment, check=True)


def test_compiled_modules_do_not_load_cython() -> None:
    program = (
        "import sys, importlib, galidia\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "assert 'Cython' not in sys.modules and 'cython' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, *twins()], check=True)
