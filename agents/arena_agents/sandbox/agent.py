"""`Sandboxed`: an agent of the user's, as the rest of the program knows it."""

from __future__ import annotations

import hashlib
import logging
import math
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from arena_agents.base import Agent, Observation, Reply
from arena_agents.sandbox.process import LostError, Process
from arena_agents.sandbox.settings import Sandbox
from arena_games.base import UsageError

MOST_FALLS = 3  # in a row, without an answer in between
MOST_RESTARTS = 100
MOST_MISSES = 3  # of a deadline
LONGEST_WAIT_S = 10 * 365 * 86400.0
LAST_WORDS_S = 0.2

log = logging.getLogger(__name__)


class Sandboxed(Agent):
    """Asks the agent that `spec` names in a process of its own, and starts that anew when it has ended.

    When the process dies over several observations, each is asked again alone, to find the one that is to
    blame; a missed deadline, of the clock or of processor time, is charged to all that were asked. An
    agent whose process dies `MOST_FALLS` times in a row, or that misses `MOST_MISSES` deadlines, is not
    asked again.
    """

    def __init__(self, spec: str, sandbox: Sandbox | None = None) -> None:
        """Raises UsageError if the agent cannot be made."""
        self.spec, self.sandbox = spec, sandbox or Sandbox()
        self._folder = None if self.sandbox.logs else tempfile.mkdtemp(prefix="arena-")
        self.log = Path(self.sandbox.logs or self._folder or ".") / _file_name(spec)
        self._live: list[Process] = []  # none or one
        self._failures: list[str] = []  # the first one
        weakref.finalize(self, _clean_up, self._live, self._failures, self._folder)
        self._falls = self._misses = self._starts = 0
        self._given_up: str | None = None
        try:
            process = self._process()
        except LostError as lost:
            self._failures.append(str(lost))
            raise UsageError(self._told(str(lost))) from None
        self.name, self.at_once = process.name, process.at_once

    def respecified(self, spec: str) -> Sandboxed:
        """Another agent of the same class, in a process of its own. Raises UsageError likewise."""
        return Sandboxed(spec, self.sandbox)

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return self.ask(observations, None)

    def ask(self, observations: Sequence[Observation], deadline_s: float | None) -> list[Reply]:
        """One reply per observation, an error reply where there is none. Never raises for the agent."""
        if self._given_up is not None:
            return _errors(self._given_up, observations)
        try:
            within = self._within(len(observations), deadline_s)
            replies = self._process().ask(observations, *within)
        except LostError as lost:
            return self._after(lost, observations, deadline_s)
        except BaseException:
            self.close()
            raise
        self._falls = 0
        failed = next((reply.error for reply in replies if reply.error is not None), None)
        if failed is not None:
            self._warn(failed)
        return replies

    def close(self) -> None:
        """End the process; a later question starts another one."""
        while self._live:
            self._live.pop().end()

    def _process(self) -> Process:
        """The process that lives, or a new one. Raises LostError if it cannot be started."""
        if not self._live:
            self._starts += 1
            self._live.append(Process(self.spec, self.sandbox, self.log))
        return self._live[0]

    def _within(self, observations: int, deadline_s: float | None) -> tuple[float, float]:
        """The time, and that of processors, for so many observations, each turn having its own."""
        turns = math.ceil(observations / (self.at_once or observations))
        within_s = turns * (self.sandbox.deadline_s if deadline_s is None else deadline_s)
        return min(within_s, LONGEST_WAIT_S), self.sandbox.cpu_within(within_s, turns)

    def _after(
        self, lost: LostError, observations: Sequence[Observation], deadline_s: float | None
    ) -> list[Reply]:
        """The process is gone: charge it to whom it concerns, and decide whether there is to be another."""
        self._live.clear()
        self._warn(str(lost))
        self._misses += lost.overdue
        self._falls += not lost.overdue
        often = self._falls >= MOST_FALLS or self._misses >= MOST_MISSES or self._starts > MOST_RESTARTS
        if often:
            self._given_up = f"given up: {lost}"
        if lost.overdue or len(observations) == 1 or often:
            return _errors(str(lost), observations)
        return [self.ask([observation], deadline_s)[0] for observation in observations]

    def _warn(self, why: str) -> None:
        if not self._failures:
            self._failures.append(why)
            log.warning("arena: %s failed: %s", *map(_one_line, (self.spec, self._told(why))))

    def _told(self, why: str) -> str:
        """Why, and where to read more; what was printed last takes a moment to get there."""
        until = time.monotonic() + LAST_WORDS_S
        while not self.log.exists() and time.monotonic() < until:
            time.sleep(0.01)
        return f"{why}; what it printed is in {self.log}" if self.log.exists() else why


def _errors(why: str, observations: Sequence[Observation]) -> list[Reply]:
    return [Reply("", error=why)] * len(observations)


def _clean_up(live: list[Process], failures: list[str], folder: str | None) -> None:
    """At the end of the agent or of the program: end the process; the log of one that failed is kept."""
    while live:
        live.pop().end()
    if folder is not None and not (failures and any(Path(folder).iterdir())):
        shutil.rmtree(folder, ignore_errors=True)


def _file_name(spec: str) -> str:
    digest = hashlib.blake2b(spec.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', spec)[-60:].strip('-.')}-{digest}.log"


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
