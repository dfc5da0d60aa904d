"""Servers that misbehave: no crash, no hang beyond the deadline, every request counted."""

from __future__ import annotations

import gc
import threading
import time
from email.utils import formatdate
from typing import Any

import pytest

from arena.match.caller import Caller
from arena_agents import Reply, Usage
from arena_agents.address import Address
from arena_agents.api.client import ServerClient
from tests.agents.api.openai_server import (
    Behaviour,
    drips,
    half,
    hangs,
    raw,
    says,
    serving,
    slowly,
    status,
)
from tests.agents.api.served import RIGHT, AgentAt, seen, timed, usage

SLACK_S = 25.0  # for a machine that is busy with other things; what hangs here hangs for much longer
DEADLINE_S = 3.0  # in which such a machine connects and is answered
pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (status(429, {"error": {"message": "slow down"}}), "429"),
        (status(500, "oops"), "500"),
        (status(503, "<html>" * 1000), "503"),
        (status(408), "408"),
        (raw(b"garbage"), "garbage"),
        (raw(b""), "nothing"),
        (raw(b"\xff\xfe{}"), "no UTF-8"),
        (raw(b'{"choices": []}'), "no choice"),
        (raw(b'{"error": {"message": "busy"}}'), "error with status 200"),
        (raw(b"[" * 100_000), "deep"),
        (half, "half a reply"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_passing_fault_is_tried_again_and_counted(make: AgentAt, first: Behaviour, name: str) -> None:
    with serving(first, first, says()) as server:
        (reply,), _ = timed(make(server))
    assert reply == Reply(RIGHT, usage=usage(retries=2))
    assert len(server.calls) == 3


@pytest.mark.parametrize("behaviour", [hangs, drips, slowly(30, says())], ids=["silent", "drips", "slow"])
def test_nothing_outlasts_the_deadline(make: AgentAt, behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        replies, seconds = timed(make(server, deadline_s=DEADLINE_S, concurrency=3), count=3)
    assert DEADLINE_S <= seconds < DEADLINE_S + SLACK_S
    assert [reply.error for reply in replies] == ["no answer within 3 s"] * 3
    assert [reply.usage for reply in replies] == [Usage(None, None, finish="error")] * 3
    assert all(reply.passing for reply in replies)
    assert len(server.calls) == 3


def test_the_last_trouble_before_the_deadline_is_told(make: AgentAt) -> None:
    with serving(status(500, {"error": {"message": "no memory"}}), hangs) as server:
        (reply,), seconds = timed(make(server, deadline_s=DEADLINE_S))
    assert seconds < DEADLINE_S + SLACK_S
    assert reply.error == "no answer within 3 s; before that: the server answers 500: no memory"
    assert reply.usage == Usage(None, None, retries=1, finish="error")


def test_retry_after_is_honoured(make: AgentAt) -> None:
    with serving(
        status(429, headers={"Retry-After": "0.5"}), status(503, headers={"retry-after-ms": "200"}), says()
    ) as server:
        (reply,), seconds = timed(make(server))
    assert 0.7 <= seconds < 0.7 + SLACK_S
    assert reply.usage == usage(retries=2)


@pytest.mark.parametrize("dated", [False, True])
def test_a_wait_beyond_the_deadline_is_not_waited(make: AgentAt, dated: bool) -> None:
    after = formatdate(time.time() + 3600, usegmt=True) if dated else "3600"
    with serving(status(429, headers={"Retry-After": after})) as server:
        (reply,), seconds = timed(make(server, deadline_s=60))
    assert seconds < SLACK_S
    assert reply.error == "the server answers 429"
    assert len(server.calls) == 1


def test_a_slow_server_is_waited_for(make: AgentAt) -> None:
    with serving(slowly(0.3, says())) as server:
        (reply,), _ = timed(make(server))
    assert reply.text == RIGHT


@pytest.mark.parametrize(
    ("code", "body", "error"),
    [
        (401, {}, "the server refuses the key, or wants one (401); set ARENA_API_KEY"),
        (402, {}, "the server answers 402"),
        (
            429,
            {"error": {"message": "You ran out", "code": "insufficient_quota"}},
            "the server answers 429: You ran out (insufficient_quota)",
        ),
        (404, {"detail": "Not Found"}, "the server answers 404: Not Found; does the URL end in /v1?"),
    ],
)
def test_what_another_try_cannot_mend_is_not_tried_again(
    make: AgentAt, code: int, body: dict[str, Any], error: str
) -> None:
    with serving(status(code, body)) as server:
        (reply,), _ = timed(make(server))
    assert reply.error == error
    assert reply.passing
    assert len(server.calls) == 1


def test_a_server_that_is_gone_is_given_up(make: AgentAt) -> None:
    with serving(says(), hangs) as server:
        agent = make(server, deadline_s=DEADLINE_S, concurrency=2, give_up_after=3)
        replies, seconds = timed(agent, count=50)
    assert seconds < 2 * DEADLINE_S + SLACK_S
    # Two are asked at once: either may be there first.
    assert sorted(reply.text for reply in replies[:2]) == ["", RIGHT]
    assert len(server.calls) == sum(reply.usage is not None for reply in replies)
    last = "given up after 3 failures in a row; the last: no answer within 3 s"
    assert replies[-1] == Reply("", error=last, passing=True)
    assert timed(agent)[0] == [replies[-1]]


def test_a_success_in_between_starts_the_count_anew(make: AgentAt) -> None:
    with serving(status(401), status(401), says(), status(401), status(401), says()) as server:
        agent = make(server, concurrency=1, give_up_after=3)
        assert [bool(reply.error) for reply in agent.act(seen(6))] == [True, True, False, True, True, False]


def test_nobody_there_is_a_passing_error(make: AgentAt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_agents.api.client.MOST_ATTEMPTS", 4)
    with serving(says()) as server:
        agent = make(server, deadline_s=60)
    (reply,), seconds = timed(agent)
    assert seconds < SLACK_S
    assert reply.error is not None
    assert reply.error.startswith("the connection to the server failed (")
    assert reply.passing


def test_a_match_waits_no_longer_than_its_own_deadline(make: AgentAt) -> None:
    with serving(hangs) as server:
        caller = Caller(make(server, deadline_s=30, concurrency=2), 0.2)
        answer = caller.ask(seen(4))
        caller.close()
    assert 0.4 <= answer.seconds < 0.4 + SLACK_S  # two at a time
    lost = Usage(None, None, finish="error")
    assert answer.replies == [Reply("", error="no reply within 0.4 s", usage=lost, passing=True)] * 4


def test_threads_end_with_the_client_or_its_last_user() -> None:
    def alive() -> int:
        return sum(thread.name == "arena server client" for thread in threading.enumerate())

    gc.collect()
    before = alive()
    with serving(says()) as server:
        closed, dropped = (ServerClient(Address("m", server.url)) for _ in range(2))
        assert alive() == before + 2
        closed.close()
        closed.close()
        assert alive() == before + 1
        del dropped
        gc.collect()
        assert alive() == before
