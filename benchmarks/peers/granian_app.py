"""RSGI application that says hello; granian's command serves it."""

from typing import Any

HEADERS = [("content-type", "text/plain")]


async def app(scope: Any, protocol: Any) -> None:
    protocol.response_bytes(200, HEADERS, b"Hello, world!")
