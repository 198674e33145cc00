"""A lower layer never imports a higher one, and a codec knows no socket and no clock."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.twin import PACKAGE

# What every layer may use: the build flag, the stand-in for Cython and the errors.
BASE = {"_build", "_cython", "errors"}
OUTSIDE_OF_A_CODEC = {"asyncio", "logging", "os", "random", "select", "selectors", "socket", "ssl"}
OUTSIDE_OF_A_CODEC |= {"subprocess", "threading", "time"}
MODULES = sorted(PACKAGE.rglob("*.py"))
SANS_IO = {
    "chunked",
    "codec",
    "frame",
    "grammar",
    "head",
    "name",
    "numbers",
    "outline",
    "packet",
    "rdata",
    "record_types",
    "target",
    "topic",
    "violations",
    "wire",
}
CODECS = [path for path in MODULES if path.stem in SANS_IO]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def layer(parts: tuple[str, ...]) -> str:
    """The folder of a module, or its own name when it lies at the top."""
    return parts[0] if parts else "galidia"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Level and dotted name of each import of a module, `from . import a, b` being two."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.level, node.module
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, alias.name) for alias in node.names)


def targets(path: Path) -> Iterator[tuple[str, ...]]:
    """What a module imports of the package, from its top."""
    folder = path.relative_to(PACKAGE).parent.parts
    for level, name in imports(path):
        if level:
            yield (*folder[: len(folder) - level + 1], *name.split("."))


def uses(path: Path) -> set[str]:
    """The layers that a module imports from, its own left out."""
    found = {layer(parts) for parts in targets(path)}
    return found - {layer(path.relative_to(PACKAGE).with_suffix("").parts)}


PROTOCOLS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"core", "cli"}
#: The packages of http, and those that each stands on.
ROOMS: dict[str, set[str]] = {
    "access": {"folder"},
    "dav": {"folder"},
    "fetching": set(),
    "folder": set(),
    "proxy": {"fetching"},
    "scripts": {"folder"},
    "uploads": {"folder"},
}


def rooms(path: Path) -> set[str]:
    """The packages of http that a module imports from."""
    return {room for room in ROOMS for parts in targets(path) if parts[:2] == ("http", room)}


def test_layers_are_found() -> None:
    assert "core" in {layer(path.relative_to(PACKAGE).parts) for path in MODULES}
    assert "core" in uses(PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_within_the_package_are_relative(path: Path) -> None:
    # A pure copy under another name has to import its own modules.
    absolute = [name for level, name in imports(path) if not level]
    assert [name for name in absolute if name.split(".")[0] == "galidia"] == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=name_of)
def test_the_engine_knows_no_protocol(path: Path) -> None:
    assert uses(path) - BASE == set()


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in PROTOCOLS],
    ids=name_of,
)
def test_a_protocol_knows_the_engine_and_other_protocols(path: Path) -> None:
    assert uses(path) - BASE - PROTOCOLS - {"core"} == set()


def test_protocols_do_not_go_in_circles() -> None:
    above = {
        name: {used for path in (PACKAGE / name).rglob("*.py") for used in uses(path)} & PROTOCOLS
        for name in PROTOCOLS
    }
    while bottom := [name for name, used in above.items() if not used]:
        for name in bottom:
            del above[name]
        above = {name: used.difference(bottom) for name, used in above.items()}
    assert above == {}


def test_the_rooms_of_http_are_known() -> None:
    assert {path.parent.name for path in (PACKAGE / "http").glob("*/__init__.py")} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_http_stands_on_those_it_says(room: str) -> None:
    found = {used for path in (PACKAGE / "http" / room).rglob("*.py") for used in rooms(path)}
    assert found - {room} == ROOMS[room]


@pytest.mark.parametrize(
    "path",
    # The package itself names what there is, and loads it when it is asked for.
    [path for path in (PACKAGE / "http").glob("*.py") if path.stem != "__init__"],
    ids=name_of,
)
def test_the_rest_of_http_knows_none_of_its_rooms(path: Path) -> None:
    assert rooms(path) == set()


@pytest.mark.parametrize("path", CODECS, ids=name_of)
def test_a_codec_does_no_io(path: Path) -> None:
    outside = {name.split(".")[0] for level, name in imports(path) if not level}
    assert outside & OUTSIDE_OF_A_CODEC == set()
