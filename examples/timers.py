"""Timers: one of a connection, one of the manager, and one that is put off again and again.

python examples/timers.py [SECONDS]         SECONDS is how long a tick takes
"""

import sys
import time

from galidia import EV_TIMER, Manager, handles


@handles(EV_TIMER)
def on_timer(c, ev, when):
    """The C library's way: one event, asked for by set_timer."""
    print("TIMER", flush=True)
    c.set_timer(time.time() + c.user_data)  # it comes once: ask again


def main(seconds="0.5"):
    tick = float(seconds)
    with Manager() as mgr:
        clock = mgr.adopt(None, on_timer, user_data=tick)  # no socket: a connection for its timer
        clock.set_timer(time.time() + tick)

        watchdog = mgr.call_later(3 * tick, print, "the watchdog was not fed")

        def every():
            print("tick", flush=True)
            watchdog.postpone(mgr.monotonic() + 3 * tick)  # costs next to nothing

        mgr.call_every(tick, every)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
