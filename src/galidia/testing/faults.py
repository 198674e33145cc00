"""What goes wrong on a simulated network, and how often."""

from __future__ import annotations

from dataclasses import dataclass, fields

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities (0 to 1) and ranges (drawn evenly); none by default.

    Times are in seconds of the virtual clock.
    """

    #: A transfer is cut at random bytes; the pieces arrive one by one.
    split: float = 0.0
    #: What a transfer or a datagram takes longer than the latency of the network.
    delay: Range = (0.0, 0.0)
    #: A direction of a stream stops, from one transfer on, for `stall_time`.
    stall: float = 0.0
    stall_time: Range = (0.1, 5.0)
    #: A stream is reset from outside, `reset_after` it was established.
    reset: float = 0.0
    reset_after: Range = (0.0, 2.0)
    #: A write takes only a part of what it is given; a datagram socket is full for a moment.
    short_write: float = 0.0
    #: A stream's buffers are as small as `small_window` bytes.
    narrow: float = 0.0
    small_window: Range = (1, 4096)
    #: Accepting or dialling finds no free descriptor (EMFILE).
    no_descriptor: float = 0.0
    #: A connection is gone before it is accepted (ECONNABORTED).
    aborted: float = 0.0
    #: The request to connect is lost and sent again a second later.
    lose_connect: float = 0.0
    #: A wait reports readiness that is none.
    spurious: float = 0.0
    #: Datagrams: lost, delivered twice, overtaken by later ones.
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_time: Range = (0.0, 0.5)
    #: A name that is known does not resolve.
    no_name: float = 0.0
    #: How long a name takes to resolve, or not to.
    resolve_time: Range = (0.01, 0.01)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                if len(value) != 2 or not 0 <= value[0] <= value[1]:
                    raise ValueError(f"{field.name} is a range (lowest, highest), not {value!r}")
            elif not 0 <= value <= 1:
                raise ValueError(f"{field.name} is a probability from 0 to 1, not {value!r}")

    @classmethod
    def hostile(cls) -> Faults:
        """Everything at once."""
        return cls(
            split=0.5,
            delay=(0.0, 0.05),
            stall=0.02,
            reset=0.1,
            short_write=0.3,
            narrow=0.3,
            no_descriptor=0.05,
            aborted=0.02,
            lose_connect=0.1,
            spurious=0.1,
            loss=0.1,
            duplicate=0.1,
            reorder=0.1,
            no_name=0.05,
            resolve_time=(0.0, 1.0),
        )
