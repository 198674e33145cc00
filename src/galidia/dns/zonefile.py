"""Zones from files: TOML, and the lines of a hosts file.

    origin = "example.com"
    ttl = 300

    [records]
    "@" = { NS = "ns.example.com", MX = ["10 mail.example.com"], A = "192.0.2.1" }
    ns = { A = "192.0.2.1" }
    "www" = { A = ["192.0.2.1", "192.0.2.2"], AAAA = "2001:db8::1", ttl = 60 }
    "*.apps" = { CNAME = "www.example.com" }

The names on the left are within the origin, which is ``@``; those in the data of a record are
written in full.
"""

from __future__ import annotations

import os
import tomllib
from typing import Any

from .message import Record
from .name import Name, as_name
from .numbers import Type
from .rdata import parse_rdata
from .record_types import AAAA, A
from .zone import Zone

__all__ = ["load_zone", "parse_hosts", "parse_zone"]

#: Seconds that an answer is valid, where nothing is said.
TTL = 300


def load_zone(path: str | os.PathLike[str], origin: Name | str | None = None) -> Zone:
    """The zone of a file, of TOML if its name ends so, else of a hosts file, which takes an origin.

    Raises OSError when it cannot be read, and ValueError, naming the file, for what is wrong in it.
    """
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        if os.fspath(path).endswith(".toml"):
            return parse_zone(text)
        if origin is None:
            raise ValueError("a hosts file takes origin=, as in load_zone(path, 'lan')")
        return parse_hosts(text, origin)
    except ValueError as e:
        raise ValueError(f"{os.fspath(path)}: {e}") from None


def parse_zone(text: str) -> Zone:
    """The zone that a text of TOML describes. Raises ValueError."""
    table = tomllib.loads(text)
    unknown = table.keys() - {"origin", "ttl", "records"}
    if unknown:
        raise ValueError(f"there is no {sorted(unknown)[0]!r} in a zone: origin, ttl, records")
    if not isinstance(table.get("origin"), str):
        raise ValueError('a zone has an origin, as in origin = "example.com"')
    origin = Name(table["origin"])
    ttl = table.get("ttl", TTL)
    records = table.get("records", {})
    if not isinstance(records, dict):
        raise ValueError("records is a table of names")
    found = []
    for name, types in records.items():
        owner = origin if name == "@" else Name(name).join(origin)
        if not isinstance(types, dict):
            raise ValueError(f'{name!r} is a table of types, as in {{ A = "192.0.2.1" }}')
        own_ttl = types.get("ttl", ttl)
        for type, texts in types.items():
            if type != "ttl":
                found += _records(owner, type, texts, own_ttl)
    return Zone(origin, found)


def _records(owner: Name, type: str, texts: Any, ttl: Any) -> list[Record]:
    texts = texts if isinstance(texts, list) else [texts]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{owner} {type}: data is a text or a list of texts")
    return [Record(owner, parse_rdata(Type.parse(type), text), ttl) for text in texts]


def parse_hosts(text: str, origin: Name | str, ttl: int = TTL) -> Zone:
    """The zone of the lines of a hosts file: an address and its names. A name without a dot is
    within the origin. Raises ValueError."""
    origin = as_name(origin)
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        address, *names = line.partition("#")[0].split() or [""]
        try:
            for name in names:
                owner = Name(name) if "." in name else Name(name).join(origin)
                found.append(Record(owner, AAAA(address) if ":" in address else A(address), ttl))
                if not owner.is_under(origin):
                    raise ValueError(f"{owner} is not in the zone {origin}")
        except ValueError as e:
            raise ValueError(f"line {number}: {e}") from None
    return Zone(origin, found)
