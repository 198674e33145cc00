"""The published cases, with the library as the server and as the client.

`make conformance` plays them as large as they are published; the suite makes groups 9, 12 and 13
smaller.
"""

from __future__ import annotations

import pytest

from galidia import Manager
from tests.websocket.conformance import attacks, closing, deflate, framing, limits, utf8
from tests.websocket.conformance.runner import against_a_client, against_a_server
from tests.websocket.conformance.table import Case

CASES = [*framing.CASES, *utf8.CASES, *closing.CASES, *limits.CASES, *deflate.CASES]


@pytest.mark.parametrize("start", [against_a_server, against_a_client])
@pytest.mark.parametrize("case", [*CASES, *attacks.CASES], ids=lambda case: case.id)
def test_case(mgr: Manager, case: Case, start) -> None:
    with start(mgr, case) as game:
        game.play()


def test_all_cases_are_there() -> None:
    counted = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37}
    counted |= {"9": 54, "10": 1, "12": 90, "13": 126}
    published = [case.id.split(".") for case in CASES if case.id[0].isdigit()]
    found = {group: sum(1 for one in published if one[0] == group) for group in counted}
    assert found == counted
    assert len({case.id for case in CASES}) == len(CASES)
