"""A login with a cookie: who has said the password gets a session, which ends after a while.

python examples/cookie_auth.py [ADDRESS [PASSWORD]]
"""

import secrets
import sys

from galidia import EV_HTTP_REQUEST, Manager, handles
from galidia.http.cookies import set_cookie

LASTS, LIMIT = 3600, 1000  # seconds, sessions
LOGIN = b"""<!DOCTYPE html><title>Login</title><form method="post" action="/login">
<input type="password" name="password"><button>Go</button></form>"""


def session_cookie(value, lasts):
    """Scripts of a page do not see it, and forms on other sites cannot use it."""
    options = {"path": "/", "http_only": True, "same_site": "Strict"}
    return ("Set-Cookie", set_cookie("session", value, max_age=lasts, **options))


def main(address="http://127.0.0.1:8000", password="mongoose"):
    sessions = {}  # what its cookie says -> when it ends

    @handles(EV_HTTP_REQUEST)
    def home(c, ev, req):
        if sessions.get(req.cookies.get("session"), 0) > c.mgr.monotonic():
            req.reply(200, "this is for you only\n")
        else:
            req.reply(403, LOGIN, {"Content-Type": "text/html"})

    @handles(EV_HTTP_REQUEST)
    def login(c, ev, req):
        said = req.form().get("password", "")
        if not secrets.compare_digest(said.encode(), password.encode()):
            return req.error(403, "that is not the password")
        if len(sessions) >= LIMIT:
            del sessions[next(iter(sessions))]  # the oldest
        token = secrets.token_urlsafe()
        sessions[token] = c.mgr.monotonic() + LASTS
        return req.reply(303, b"", [("Location", "/"), session_cookie(token, LASTS)])

    @handles(EV_HTTP_REQUEST)
    def logout(c, ev, req):
        sessions.pop(req.cookies.get("session"), None)
        req.reply(303, b"", [("Location", "/"), session_cookie("", 0)])

    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/", home, methods="GET")
        listener.endpoint("/login", login, methods="POST")
        listener.endpoint("/logout", logout, methods="POST")
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
