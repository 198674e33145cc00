"""The dict that the JSON servers answer with: a page of records, a JSON text of 1 KiB."""

import json
from typing import Any

PAYLOAD: dict[str, Any] = {
    "items": [
        {
            "id": 48271 + i,
            "name": f"Pump {i}, northern well",
            "email": f"pump{i}@wells.example",
            "created": f"2026-03-0{i + 1}T12:00:00Z",
            "active": i != 2,
            "owner": None,
            "score": 4.5 + i,
            "tags": ["water", "north"],
        }
        for i in range(5)
    ],
    "total": 1280,
    "next": "/api/devices?page=2",
    "note": "",
}
PAYLOAD["note"] = "n" * (1024 - len(json.dumps(PAYLOAD, separators=(",", ":"))))
