"""How far downloads are: bars on a terminal, else a line for each file when it is complete."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .output import clean_line, console_for

if TYPE_CHECKING:
    from ..core.manager import Manager
    from .job import Job

#: Seconds between two looks of the bars.
TICK = 0.1


class Progress:
    """Says nothing. The others are told the same things."""

    def begun(self, job: Job) -> None:
        """The head of the reply is there: name and size are known."""

    def moved(self, job: Job) -> None:
        """More of the file has come."""

    def retried(self, job: Job, why: str) -> None:
        """It failed, and is tried again."""

    def verifying(self, job: Job) -> None:
        """Everything has come, the checksum is being computed."""

    def ended(self, job: Job, text: str | None) -> None:
        """It is over; the text says how well, None is for a failure, which is told elsewhere."""


class Lines(Progress):
    """A line for each file."""

    def ended(self, job: Job, text: str | None) -> None:
        if text is not None:
            try:
                print(clean_line(text), flush=True)
            except OSError:  # said at the end, when what was not written is written again
                pass


class Bars(Progress):
    """Bars on a terminal, by rich."""

    def __init__(self, console: Any) -> None:
        from rich import progress as rich_progress

        self._bars = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}", markup=False),
            rich_progress.BarColumn(),
            rich_progress.DownloadColumn(binary_units=True),
            rich_progress.TransferSpeedColumn(),
            rich_progress.TimeRemainingColumn(),
            console=console,
            auto_refresh=False,  # the manager's timer does it; a thread could be in the way
            redirect_stdout=False,
            redirect_stderr=sys.stderr.isatty(),
            transient=True,
        )
        self._tasks: dict[Job, Any] = {}

    def begun(self, job: Job) -> None:
        total = job.part.total if job.part.total >= 0 else None
        name = clean_line(job.path)
        if job in self._tasks:
            self._bars.update(self._tasks[job], description=name, total=total)
        else:
            self._tasks[job] = self._bars.add_task(name, total=total)

    def moved(self, job: Job) -> None:
        self._bars.update(self._tasks[job], completed=job.part.size)

    def retried(self, job: Job, why: str) -> None:
        self._bars.console.print(clean_line(f"{job.shown}: {why}; trying again"))

    def ended(self, job: Job, text: str | None) -> None:
        if job in self._tasks:
            self._bars.remove_task(self._tasks.pop(job))
        if text is not None:
            self._bars.console.print(clean_line(text), soft_wrap=True)

    def verifying(self, job: Job) -> None:
        if job in self._tasks:
            self._bars.update(self._tasks[job], description=f"checking {clean_line(job.path)}")

    @contextmanager
    def shown(self, mgr: Manager) -> Iterator[None]:
        """While this lasts, the bars are on the terminal."""
        timer = mgr.call_every(TICK, self._bars.refresh)
        try:
            with self._bars:
                yield
        finally:
            timer.cancel()


@contextmanager
def progress_on(quiet: bool, mgr: Manager) -> Iterator[Progress]:
    """What standard output, as it is, allows to be shown."""
    console = None if quiet else console_for(sys.stdout)
    if console is None:
        yield Progress() if quiet else Lines()
        return
    bars = Bars(console)
    with bars.shown(mgr):
        yield bars
