"""Thousands of random runs: order of events, no byte lost or invented, nothing left over."""

import os
import random
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from galidia.testing import Faults
from tests.helpers import Certificates
from tests.testing.scenario import Echo, Scenario

FUZZ = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
#: A fuzz run looks at seeds that nobody has seen; a failure names its seed.
FIRST = random.SystemRandom().randrange(1 << 32) if FUZZ else 0
BLOCK = 500 if FUZZ else 50
BLOCKS = 6

pytestmark = pytest.mark.fuzz


@pytest.fixture
def tls(certs: Certificates) -> dict[str, Any]:
    client = {"ca": certs.ca, "server_name": "localhost"}
    return {"bind": {"cert": certs.server}, "connect": client}


def play(seeds: Iterable[int], **tls: Any) -> None:
    for seed in seeds:
        Scenario(seed, **tls).play()


@pytest.mark.parametrize("block", range(BLOCKS))
def test_runs_over_tcp_and_udp(block: int) -> None:
    play(range(FIRST + block * BLOCK, FIRST + (block + 1) * BLOCK))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_runs_over_tls(block: int, tls: dict[str, Any]) -> None:
    play(range(FIRST + block * BLOCK // 5, FIRST + (block + 1) * BLOCK // 5), **tls)


def test_the_scenario_can_fail() -> None:
    scenario = Scenario(2)
    scenario.fault("this")
    with pytest.raises(AssertionError, match="seed 2: this"):
        scenario.play()


def test_lost_bytes_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: Any, scenario: Any, c: Any) -> None:
        del c.recv_mbuf[:1]
        self.take(c, len(c.recv_mbuf))

    monkeypatch.setattr(Echo, "echo", forget)
    with pytest.raises(AssertionError, match=r"seed \d+: .* that were not sent"):
        play(range(20))


def digest(seed: int) -> str:
    scenario = Scenario(seed)
    scenario.play()
    return scenario.net.digest()


def hostile_seeds() -> list[int]:
    return [seed for seed in range(20) if Scenario(seed).net.faults != Faults()]


def test_a_seed_repeats_exactly() -> None:
    seeds = hostile_seeds()
    first = [digest(seed) for seed in seeds]
    assert [digest(seed) for seed in seeds] == first
    assert len(set(first)) == len(seeds) > 5


def test_both_builds_run_alike() -> None:
    seed = hostile_seeds()[0]
    program = f"from tests.testing.test_scenario import digest; print(digest({seed}))"
    env = dict(os.environ, GALIDIA_PURE="1", PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    pure = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert pure.stdout.strip() == digest(seed)
