"""What passes between the arena and an agent's process: questions arrive whole, answers are checked."""

from __future__ import annotations

import json
import socket
import struct
import time
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_agents import Observation, Reply, TokenSample, Usage
from arena_agents.limits import LARGEST_FRAME
from arena_agents.sandbox.wire import (
    Channel,
    Games,
    to_answer,
    to_observations,
    to_question,
    to_replies,
)
from arena_games.base import Rejected
from arena_games.registry import find_game

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates included
GRIDS = st.none() | st.tuples(*[st.integers(0, 4)] * 3).map(
    lambda shape: np.random.default_rng(0).random(shape, np.float32)
)
OBSERVATIONS = st.builds(
    Observation,
    game=st.sampled_from(["snake", "frozen-lake", "no such game"]),
    seat=st.integers(0, 3),
    turn=st.integers(0, 99),
    text=TEXT,
    legal=st.lists(st.integers(0, 5)).map(tuple),
    grid=GRIDS,
    history=st.lists(TEXT).map(tuple),
    seed=st.integers(0, 2**64 - 1),
    action_names=st.lists(TEXT).map(tuple),
    rejected=st.lists(st.builds(Rejected, TEXT, TEXT, st.booleans())).map(tuple),
)


def through_a_socket(head: object, blob: bytes) -> tuple[Any, bytes]:
    ours, theirs = map(Channel, socket.socketpair())
    try:
        ours.send(head, blob)
        return theirs.receive()
    finally:
        ours.close()
        theirs.close()


@settings(max_examples=100)
@given(st.lists(OBSERVATIONS, max_size=3))
def test_observations_arrive_as_they_were(observations: list[Observation]) -> None:
    arrived = to_observations(*through_a_socket(*to_question(observations, Games())), Games())
    assert len(arrived) == len(observations)
    for one, other in zip(observations, arrived, strict=True):
        for field in fields(Observation):
            sent, came = getattr(one, field.name), getattr(other, field.name)
            if field.name == "grid" and sent is not None:
                assert came.dtype == sent.dtype
                assert came.flags.writeable
                np.testing.assert_array_equal(came, sent)
            else:
                assert came == sent, field.name
        assert one.rng().integers(2**60) == other.rng().integers(2**60)


def test_a_game_is_found_by_its_name_and_only_if_it_is_that_game() -> None:
    snake = find_game("snake")
    known = Observation("snake", 0, 0, "", (0,), spec=snake)
    bent = replace(known, spec=replace(snake, horizon=99))
    arrived = to_observations(*to_question([known, bent], Games()), Games())
    assert [observation.spec for observation in arrived] == [snake, None]


REPLIES = st.builds(
    Reply,
    st.text(),
    sample=st.none() | st.builds(TokenSample, st.just(()), st.just(()), st.just(()), st.integers(0, 9)),
    error=st.none() | st.text(min_size=1),
    usage=st.none()
    | st.builds(Usage, st.none() | st.integers(0, 99), st.integers(0, 9), cost=st.floats(0, 1)),
    reasoning=st.none() | st.text(),
)


@settings(max_examples=100)
@given(st.lists(REPLIES, max_size=3))
def test_replies_arrive_as_they_were(replies: list[Reply]) -> None:
    answer, _ = through_a_socket(to_answer(replies), b"")
    assert to_replies(answer, len(replies)) == replies


def test_a_process_cannot_say_that_a_failure_was_nobodys() -> None:
    (reply,) = to_replies(to_answer([Reply("", error="down", passing=True)]), 1)
    assert not reply.passing


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=3),
)


@settings(max_examples=500)
@given(JSON | st.lists(st.lists(JSON, min_size=5, max_size=5), min_size=1, max_size=2))
def test_whatever_is_answered_is_replies_or_is_refused(answer: Any) -> None:
    try:
        replies = to_replies(answer, 1)
    except (TypeError, ValueError):
        return
    (reply,) = replies
    assert {type(reply), type(reply.text)} == {Reply, str}
    json.dumps([reply.text, reply.error, reply.reasoning]).encode()
    reply.text.encode()


@pytest.mark.parametrize(
    "row",
    [
        ["up", None, None, None],
        ["up", None, None, None, None, None],
        ["up", 2**70, None, None, None],
        ["up", None, None, [1, 1, None, 1e308, 0, "stop"], None],
        ["up", None, None, [1, 1, None, float("nan"), 0, "stop"], None],
        ["up", None, None, [1, 1, None, 0, 0, "a\x1b[31m"], None],
        ["up", None, None, [1, 1, None, 0, True, "stop"], None],
        ["\ud800", None, None, None, None],
        [None, None, None, None, None],
        "up",
    ],
)
def test_odd_answers_are_refused(row: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_replies([row], 1)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (struct.pack("!II", 2**31, 2**31), "at most"),
        (struct.pack("!II", 3, 0) + b"{]}", "Expecting"),
        (struct.pack("!II", 200_000, 0) + b"[" * 200_000, "nested too deeply"),
        (struct.pack("!II", 9000, 0) + b"1" * 9000, "digits"),
        (struct.pack("!II", 2, 0) + b"\xff\xff", "decode"),
    ],
)
def test_odd_frames_are_refused(sent: bytes, says: str) -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    theirs.setblocking(False)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    theirs.send(sent)
    with theirs, pytest.raises(ValueError, match=says):
        channel.receive(time.monotonic() + 5, LARGEST_FRAME)
    channel.close()


def test_neither_side_waits_longer_than_it_says() -> None:
    ours, theirs = socket.socketpair()
    channel, began = Channel(ours), time.monotonic()
    with theirs:
        with pytest.raises(TimeoutError):
            channel.receive(time.monotonic() + 0.05)
        with pytest.raises(TimeoutError):
            channel.send(["x" * 10_000_000], until=time.monotonic() + 0.05)
        assert 0.1 <= time.monotonic() - began < 60
    with pytest.raises((EOFError, ConnectionResetError)):
        channel.receive(time.monotonic() + 1)
    channel.close()
