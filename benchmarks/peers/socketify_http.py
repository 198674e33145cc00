"""HTTP hello on socketify.  Argument: PORT"""

import sys
from typing import Any

from socketify import App, AppListenOptions


def hello(res: Any, req: Any) -> None:
    res.end(b"Hello, world!")


# The factory pools request objects: socketify's own fast setting.
app = App(request_response_factory_max_items=200_000, lifespan=False)
app.get("/", hello)
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
app.run()
