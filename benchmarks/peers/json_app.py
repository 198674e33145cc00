"""ASGI application that answers with a dict as JSON, encoded the way Starlette does it, or with
orjson where the environment has JSON=orjson."""

import json
import os
from typing import Any

import orjson
from payload import PAYLOAD


def _starlette(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


encode = orjson.dumps if os.environ.get("JSON") == "orjson" else _starlette


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = encode(PAYLOAD)
    length = str(len(body)).encode()
    headers = [(b"content-length", length), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
