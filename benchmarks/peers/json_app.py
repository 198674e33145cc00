"""ASGI application that answers with a dict as JSON, encoded the way Starlette does it."""

import json
from typing import Any

from payload import PAYLOAD


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = json.dumps(PAYLOAD, ensure_ascii=False, separators=(",", ":")).encode()
    length = str(len(body)).encode()
    headers = [(b"content-length", length), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
