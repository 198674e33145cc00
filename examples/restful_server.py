"""A RESTful service: things kept in memory, spoken of in JSON.

python examples/restful_server.py [ADDRESS]    then:
curl -d '{"name": "lamp"}' http://127.0.0.1:8000/api/things
"""

import sys
from itertools import count

from galidia import EV_HTTP_REQUEST, Manager, handles

things, ids = {}, count(1)


def put(req, id, status):
    try:
        name = req.json()["name"]
    except (ValueError, TypeError, KeyError):
        req.reply(422, {"error": "a thing is an object with a name"})
    else:
        things[id] = {"id": id, "name": name}
        req.reply(status, things[id], {"Location": f"/api/things/{id}"})


@handles(EV_HTTP_REQUEST)
def all_things(c, ev, req):
    if req.method != "POST":
        req.reply(200, list(things.values()))
    elif len(things) >= 1000:
        req.reply(507, {"error": "there are too many things"})
    else:
        put(req, str(next(ids)), 201)


@handles(EV_HTTP_REQUEST)
def one_thing(c, ev, req):
    id = req.params["id"]
    if id not in things:
        req.reply(404, {"error": "there is no such thing"})
    elif req.method == "PUT":
        put(req, id, 200)
    elif req.method == "DELETE":
        del things[id]
        req.reply(204)
    else:
        req.reply(200, things[id])


def main(address="http://127.0.0.1:8000"):
    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/api/things", all_things, methods=["GET", "POST"])
        listener.endpoint("/api/things/{id}", one_thing, methods=["GET", "PUT", "DELETE"])
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
