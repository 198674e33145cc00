"""Which build is under test, and what each test must leave behind: nothing."""

import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

import galidia
from tests.leaks import Snapshot
from tests.twin import PACKAGE, load_pure

ROOT = Path(__file__).parent.parent
BUILD = "compiled" if galidia.COMPILED else "pure"
PASSED = pytest.StashKey[bool]()

settings.register_profile(
    "default",
    deadline=None,  # limits on time fail on a busy machine, not on a wrong answer
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "fuzz", settings.get_profile("default"), max_examples=300, derandomize=False
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")


def stale() -> list[str]:
    """Compiled modules that are older than their source, or have none that is compiled."""
    found = []
    for binary in [*PACKAGE.rglob("*.so"), *PACKAGE.rglob("*.pyd")]:
        source = binary.with_name(binary.name.partition(".")[0] + ".py")
        both = [source, source.with_suffix(".pxd")]
        built = binary.stat().st_mtime
        if any(not path.exists() or path.stat().st_mtime > built for path in both):
            found.append(binary.relative_to(PACKAGE).as_posix())
    return found


def pytest_report_header() -> str:
    return f"galidia: {BUILD} build, {PACKAGE}"


def pytest_sessionstart() -> None:
    expected = os.environ.get("GALIDIA_EXPECT") or BUILD
    if expected != BUILD:
        raise pytest.UsageError(f"the {expected} build was expected, the {BUILD} one runs")
    # An installed copy has the times of its installation, which say nothing.
    if galidia.COMPILED and PACKAGE.is_relative_to(ROOT / "src") and stale():
        raise pytest.UsageError(f"compiled from another source, run `make build`: {stale()}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("fuzz")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


class Records(logging.Handler):
    """Collects what the library logs."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def _leaves_nothing(request: pytest.FixtureRequest) -> Iterator[list[logging.LogRecord]]:
    logger, handler, before = logging.getLogger("galidia"), Records(), Snapshot()
    logger.addHandler(handler)
    try:
        yield handler.records
    finally:
        logger.removeHandler(handler)
    if not request.node.stash.get(PASSED, False):
        return  # its own failure is the news, or it was interrupted
    left = before.left()
    if "logged" not in request.fixturenames:
        left += [
            f"log record: {record.getMessage()}"
            for record in handler.records
            if record.levelno >= logging.ERROR
        ]
    if left:
        pytest.fail("left behind:\n" + "\n".join(left), pytrace=False)


@pytest.fixture
def logged(_leaves_nothing: list[logging.LogRecord]) -> list[logging.LogRecord]:
    """The records of the logger `galidia`, for tests that expect errors among them."""
    return _leaves_nothing


@pytest.fixture(scope="session")
def pure() -> ModuleType:
    """A pure copy of the package for comparison; for its modules see `tests.twin.pure_module`."""
    return load_pure()
