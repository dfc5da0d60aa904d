"""What passes between the arena and an agent's process: frames of JSON, and the planes of grids behind it.

A frame is two lengths (of the JSON, and of the bytes behind it), then both. Questions are trusted, as they
are ours. An answer is untrusted: it is read into strings, numbers and lists, and checked like any reply.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from arena_agents.base import Observation, Reply, TokenSample, Usage
from arena_agents.guard import check_replies
from arena_agents.limits import LONGEST_REASONING, LONGEST_REPLY, cut
from arena_agents.sandbox.budget import Budget
from arena_games.base import GameSpec, Rejected

LENGTHS = struct.Struct("!II")
CHUNK = 2**16
LONGEST_POLL_S = 2e6  # that fits its milliseconds
# In the order of the constructor. The game itself is sent by its name, where both sides find it by that.
FIELDS = tuple(field.name for field in fields(Observation) if field.name != "spec")
Row = list[Any]


class Channel:
    """One end of the socket. Every call ends by `until`, a time of `time.monotonic`; None is never.

    Who waits looks at a budget meanwhile, if there is one, and ends with what that raises.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end, self._read = end, b""
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(end, select.POLLIN)
        self._writable.register(end, select.POLLOUT)

    def close(self) -> None:
        self._end.close()

    def send(self, head: object, blob: bytes = b"", until: float | None = None) -> None:
        """Raises OSError if the other end is gone, TimeoutError if it does not read in time."""
        text = _ENCODER.encode(head).encode("ascii")
        rest = memoryview(b"".join((LENGTHS.pack(len(text), len(blob)), text, blob)))
        while rest:
            try:
                rest = rest[self._end.send(rest) :]
            except BlockingIOError:
                _wait(self._writable, until)

    def receive(
        self, until: float | None = None, largest: int | None = None, budget: Budget | None = None
    ) -> tuple[Any, bytes]:
        """The next frame. Raises EOFError at the end, TimeoutError, or ValueError for what is no frame."""
        text, blob = LENGTHS.unpack(self._exactly(LENGTHS.size, until, budget))
        if largest is not None and text + blob > largest:
            raise ValueError(f"it is of {text + blob} bytes, and at most {largest} are read")
        body = self._exactly(text + blob, until, budget)
        try:
            return json.loads(body[:text]), body[text:]
        except RecursionError:
            raise ValueError("it is nested too deeply") from None

    def _exactly(self, size: int, until: float | None, budget: Budget | None) -> bytes:
        """So many bytes; what comes with them is kept for the next call."""
        parts, held = [self._read], len(self._read)
        while held < size:
            _wait(self._readable, until, budget)
            parts.append(self._end.recv(CHUNK))
            held += len(parts[-1])
            if not parts[-1]:
                raise EOFError("the other end is closed")
        whole = b"".join(parts)
        self._read = whole[size:]
        return whole[:size]


def _wait(poll: select.poll, until: float | None, budget: Budget | None = None) -> None:
    """Until the socket is ready. Raises TimeoutError, or what the budget's look raises."""
    while not poll.poll(_milliseconds(until, budget)):
        if until is not None and time.monotonic() >= until:
            raise TimeoutError
        if budget is not None:
            budget.look()


def _milliseconds(until: float | None, budget: Budget | None) -> float:
    """How long to wait for a socket before the next look at the time or the budget."""
    left = LONGEST_POLL_S if until is None else until - time.monotonic()
    if budget is not None:
        left = min(left, budget.wait_s)
    return 1000 * min(max(0.0, left), LONGEST_POLL_S)


def _plain(value: Any) -> Any:
    """What JSON has no form for: numbers of numpy, mappings, earlier replies."""
    if isinstance(value, Rejected):
        return [value.text, value.reason, value.illegal]
    return dict(value) if isinstance(value, Mapping) else value.item()


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_plain)


def to_question(observations: Sequence[Observation], games: Games) -> tuple[list[Row], bytes]:
    """The observations as JSON, and the bytes of their grids."""
    rows: list[Row] = []
    grids: list[bytes] = []
    for observation in observations:
        row = [getattr(observation, name) for name in FIELDS]
        if observation.grid is not None:
            grids.append(observation.grid.tobytes())
            row[_GRID] = [observation.grid.dtype.str, observation.grid.shape]
        rows.append([*row, games.known(observation.spec)])
    return rows, b"".join(grids)


def to_observations(rows: Sequence[Row], blob: bytes, games: Games) -> list[Observation]:
    """The inverse of `to_question`; each grid is the agent's own copy."""
    observations, own, start = [], bytearray(blob), 0
    for row in rows:
        values: list[Any] = [tuple(value) if type(value) is list else value for value in row[:-1]]
        if row[_GRID] is not None:
            dtype, shape = row[_GRID]
            values[_GRID] = grid = np.ndarray(shape, dtype, own, start)
            start += grid.nbytes
        if row[_REJECTED]:
            values[_REJECTED] = tuple(Rejected(*rejected) for rejected in row[_REJECTED])
        values[_RECENT] = tuple(map(tuple, row[_RECENT]))
        spec = games.named(row[_GAME]) if row[-1] else None
        named: dict[str, Any] = dict(zip(FIELDS, values, strict=True))
        observations.append(Observation(**named, spec=spec))
    return observations


_GAME, _GRID, _REJECTED, _RECENT = map(FIELDS.index, ("game", "grid", "rejected", "recent"))


class Games:
    """Games that both sides find by their names: those that are registered, and those of a reference."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[GameSpec, bool]] = {}  # by id; the game is held, so is its id
        self._named: dict[str, GameSpec | None] = {}

    def known(self, spec: GameSpec | None) -> bool:
        """Whether the other side will find this very game under its name."""
        if spec is None:
            return False
        if id(spec) not in self._known:
            self._known[id(spec)] = spec, self.named(spec.name) == spec
        return self._known[id(spec)][1]

    def named(self, name: str) -> GameSpec | None:
        """The game of this name; None where there is none."""
        if name not in self._named:
            from arena_games.registry import find_game  # the games behind it take time to import

            try:
                self._named[name] = find_game(name)
            except ValueError:  # UsageError included
                self._named[name] = None
        return self._named[name]


def to_answer(replies: Sequence[Reply]) -> list[Row]:
    """Replies as JSON. What no other program should have to bear is the agent's error."""
    return [_row(reply) for reply in replies]


def _row(reply: Reply) -> Row:
    fault = _fault(reply.text, reply.reasoning)
    if fault is not None:
        return _row(Reply("", error=fault))
    usage = reply.usage and [getattr(reply.usage, field.name) for field in fields(Usage)]
    version = None if reply.sample is None else reply.sample.policy_version
    thought = None if reply.reasoning is None else cut(reply.reasoning, LONGEST_REASONING)
    # What went wrong is told even in words that are no text.
    error = reply.error and reply.error.encode("utf-8", "backslashreplace").decode()
    return [cut(reply.text, LONGEST_REPLY), version, error, usage, thought]


def _fault(*texts: str | None) -> str | None:
    if not all(text is None or text.isascii() or _is_unicode(text) for text in texts):
        return "ValueError: a reply holds a lone surrogate, which is no text"
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_replies(rows: Any, expected: int) -> list[Reply]:
    """The replies in an untrusted answer. Raises TypeError or ValueError for what are none."""
    if not isinstance(rows, list):
        raise TypeError("it is no list")
    replies = [_reply(*row) for row in rows]
    check_replies(replies, expected)
    if any(_fault(reply.text, reply.reasoning, reply.error) for reply in replies):
        raise ValueError("it holds what is no text")
    return replies


def _reply(text: Any, version: Any, error: Any, usage: Any, reasoning: Any) -> Reply:
    """Of a sample only the policy's version is told, as only that is stored; no failure is anybody else's."""
    return Reply(
        text,
        sample=None if version is None else TokenSample((), (), (), version),
        error=error,
        usage=None if usage is None else Usage(*usage),
        reasoning=reasoning,
    )
