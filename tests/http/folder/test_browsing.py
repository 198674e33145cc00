"""A folder in a browser: how its listing looks, sorts and leads on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles
from galidia.http import StaticFiles
from galidia.http.folder.listing import SLICE
from tests import browser
from tests.http.conftest import running
from tests.http.test_programs import Held, Program, Said

# As in `test_programs`: the image keeps the page from being complete until all is said.
PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<body>
<img src="/held">
<iframe style="width: 360px; height: 600px; border: 0"></iframe>
<script>
const frame = document.querySelector("iframe");
const say = (name, text) => {
  const line = document.createElement("p");
  line.id = name;
  line.textContent = JSON.stringify(text);
  document.body.append(line);
};
const loaded = (start) => new Promise((resolve) => {
  frame.addEventListener("load", resolve, { once: true });
  start();
});
const found = (selector) => frame.contentDocument.querySelector(selector);
const follow = (text) => loaded(() => {
  const links = [...frame.contentDocument.querySelectorAll("a")];
  links.find((link) => link.textContent === text).click();
});
const rows = () =>
  [...frame.contentDocument.querySelectorAll("td:first-child a")].map((link) => link.textContent);
(async () => {
  await loaded(() => { frame.src = "/files/"; });
  say("names", rows());
  const root = frame.contentDocument.documentElement;
  say("fits", root.scrollWidth <= 360);
  say("dark", found("meta[name=color-scheme]").content);
  say("scripts", frame.contentDocument.scripts.length);
  await follow("Size");
  say("size", rows());
  await follow("Size");
  say("reverse", rows());
  await follow("Modified");
  say("time", rows());
  await follow("sub & <b>/");
  say("below", [frame.contentWindow.location.pathname, rows().length]);
  await follow("../");
  await follow("odd %41 ?#\\"'<i>.txt");
  say("file", frame.contentDocument.body.textContent);
  fetch("/release", { method: "POST" });
})();
</script>
"""


def test_a_listing_in_a_browser(mgr: Manager, tmp_path: Path) -> None:
    run = Program(tmp_path)
    root = tmp_path / "files"
    (root / "sub & <b>").mkdir(parents=True)
    for i in range(SLICE + 5):
        (root / "sub & <b>" / f"{i}").touch()
    odd = "odd %41 ?#\"'<i>.txt"
    long = "long" * 50
    for i, (name, size) in enumerate([("b", 3000), ("a", 1), (odd, 10), (long, 20)]):
        (root / name).write_text("x" * size)
        os.utime(root / name, (1_000_000_000 + i, 1_000_000_000 + i))
    files = StaticFiles(root)
    asked: list[str] = []

    @handles(EV_HTTP_REQUEST)
    def page(c: Connection, ev: int, req: Any) -> None:
        asked.append(req.path)
        html = {"Content-Type": "text/html; charset=utf-8"}
        req.reply(200, PAGE, html) if req.path == "/page" else req.error(404)

    listener = mgr.bind("http://127.0.0.1:0", page)
    listener.endpoint("/files/{path...}", files)
    held = Held()
    listener.endpoint("/held", held, methods="GET")
    listener.endpoint("/release", held, methods="POST")
    with running(mgr):
        out, err = run(
            "chromium",
            *browser.ARGUMENTS,
            f"--user-data-dir={run.folder / 'user'}",
            "--dump-dom",
            f"http://{listener.local}/page",
        )
    files.close()
    said = {name: json.loads(text) for name, text in Said(out.decode()).texts.items()}
    sub = "sub & <b>/"
    assert said == {
        "names": ["../", sub, "a", "b", long, odd],
        "fits": True,
        "dark": "light dark",
        "scripts": 0,
        "size": ["../", sub, "a", odd, long, "b"],
        "reverse": ["../", sub, "b", long, odd, "a"],
        "time": ["../", sub, "b", "a", odd, long],
        "below": ["/files/sub%20%26%20%3Cb%3E/", SLICE + 6],
        "file": "x" * 10,
    }, err
    assert set(asked) <= {"/page", "/favicon.ico"}  # the listing needs nothing else
