"""ASGI application that says hello; uvicorn's command serves it."""

from typing import Any

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"13"), (b"content-type", b"text/plain")],
}
BODY = {"type": "http.response.body", "body": b"Hello, world!"}


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(BODY)
