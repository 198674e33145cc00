"""Numbers of events and flags: a log or a port of a C program reads the same."""

import pytest

import galidia
from galidia import Event, Flag
from galidia.core.events import ALL_EVENTS, BITS, OTHER, SETTABLE_FLAGS, bit_of, mask_of


@pytest.mark.parametrize(
    ("event", "number"),
    [
        (Event.POLL, 0),
        (Event.ACCEPT, 1),
        (Event.CONNECT, 2),
        (Event.RECV, 3),
        (Event.SEND, 4),
        (Event.CLOSE, 5),
        (Event.TIMER, 6),
        (Event.HTTP_REQUEST, 100),
        (Event.MQTT_CONNECT, 201),
        (Event.COAP_CON, 300),
        (Event.SNTP_REPLY, 501),
    ],
)
def test_events_have_the_numbers_of_the_c_library(event, number):
    assert event == number


@pytest.mark.parametrize(
    ("flag", "bit"),
    [
        (Flag.LISTENING, 0),
        (Flag.UDP, 1),
        (Flag.RESOLVING, 2),
        (Flag.CONNECTING, 3),
        (Flag.SSL, 4),
        (Flag.SSL_HANDSHAKE_DONE, 5),
        (Flag.RECV_AND_CLOSE, 9),
        (Flag.SEND_AND_CLOSE, 10),
        (Flag.CLOSE_IMMEDIATELY, 11),
        (Flag.ENABLE_BROADCAST, 14),
        (Flag.USER_1, 20),
        (Flag.USER_6, 25),
    ],
)
def test_flags_have_the_bits_of_the_c_library(flag, bit):
    assert flag == 1 << bit


def test_no_two_events_share_a_number():
    assert len({int(ev) for ev in Event}) == len(Event.__members__)


def test_each_event_has_an_interest_bit_of_its_own():
    assert len(set(BITS.values())) == len(Event)
    assert max(BITS.values()) < OTHER < 64
    assert [bit_of(ev) for ev in range(9)] == list(range(9))


def test_foreign_numbers_share_the_last_bit():
    assert bit_of(777) == bit_of(-5) == OTHER
    assert mask_of(Event.POLL, Event.CLOSE, 777) == 1 | 1 << 5 | 1 << 63
    assert mask_of(*Event, 777) & ALL_EVENTS == mask_of(*Event, 777)


def test_the_names_that_examples_use_are_the_members():
    for name in dir(galidia):
        if name.startswith("EV_"):
            assert getattr(galidia, name) is Event[name[3:]]
        elif name.startswith("F_"):
            assert getattr(galidia, name) is Flag[name[2:]]


def test_state_cannot_be_set_by_a_handler():
    for flag in (Flag.LISTENING, Flag.UDP, Flag.CONNECTING, Flag.SSL, Flag.RESOLVING):
        assert not SETTABLE_FLAGS & flag
