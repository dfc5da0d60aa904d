"""Asking a server many things at once: bounded, patient, and never longer than the deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from arena_agents.address import Address
from arena_agents.api.errors import MalformedError, RequestError, back_off
from arena_agents.api.loop import LoopThread
from arena_agents.api.secret import without_keys
from arena_agents.api.settings import Settings
from arena_agents.api.transport import Body, Transport

T = TypeVar("T")

MOST_ATTEMPTS = 12
GIVE_UP_AFTER = 5  # answers in a row that could not be had
RENAMED = {"max_tokens": "max_completion_tokens"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of one question: a value, or an error and whether it may pass.

    `requests` counts all that was sent for it.
    """

    value: T | None
    requests: int
    error: str | None = None
    passing: bool = False


class ServerClient:
    """Asks one server from a thread of its own; the calling thread waits.

    After `give_up_after` failures in a row that lie with the server it is not asked again: every
    later answer is the same error, at once.
    """

    def __init__(
        self,
        address: Address,
        settings: Settings | None = None,
        *,
        give_up_after: int = GIVE_UP_AFTER,
    ) -> None:
        """The settings' deadline bounds one answer, retries and waits included, from when it is its turn."""
        settings = settings or Settings()
        self.address, self.concurrency, self.deadline_s = address, settings.concurrency, settings.deadline_s
        self.given_up: str | None = None
        self._give_up_after, self._failures = give_up_after, 0
        self._refused: set[str] = set()
        self._transport = Transport(address, self.deadline_s)
        self._loop = LoopThread()
        self._turns = asyncio.Semaphore(self.concurrency)

    def close(self) -> None:
        """Close the connections and let the thread end; what is under way is cancelled."""
        if self._loop.close.alive:
            self._loop.run(self._transport.close())
            self._loop.close()

    def without_key(self, text: str) -> str:
        """The text with the key struck out: of what was put together of a server's words, last of all."""
        return without_keys(text, self._transport.secrets)

    def get(self, path: str, deadline_s: float | None = None) -> Any:
        """The JSON at `path`. Raises RequestError, or MalformedError."""
        return self._loop.run(_in_time(lambda: self._transport.get(path), deadline_s or self.deadline_s))

    def post(self, path: str, body: Body, deadline_s: float | None = None) -> Any:
        """What `path` says to a JSON body. Raises RequestError, or MalformedError."""
        return self._loop.run(
            _in_time(lambda: self._transport.post(path, body), deadline_s or self.deadline_s)
        )

    def ask(
        self, endpoint: str, bodies: Sequence[Body], read: Callable[[Any], T], *, optional: Sequence[str] = ()
    ) -> list[Answer[T]]:
        """One answer per body, in order. Never raises for the server's sake.

        `read` makes a value of the JSON that comes back, and raises `MalformedError` for what is none. A
        server that refuses one of the `optional` parameters gets no more of it.
        """
        return self._loop.run(self._ask_all([_Question(endpoint, body, read, optional) for body in bodies]))

    async def _ask_all(self, questions: list[_Question[T]]) -> list[Answer[T]]:
        return await asyncio.gather(*map(self._ask, questions))

    async def _ask(self, question: _Question[T]) -> Answer[T]:
        async with self._turns:
            if self.given_up is not None:
                return Answer(None, 0, self.given_up, passing=True)
            try:
                value = await _in_time(lambda: self._attempt(question), self.deadline_s)
            except RequestError as trouble:
                self._count_failure(trouble)
                return Answer(None, question.requests, str(trouble), trouble.passing)
            self._failures = 0
            return Answer(value, question.requests)

    async def _attempt(self, question: _Question[T]) -> T:
        """Ask once, and again without a parameter that the server refuses."""
        while True:
            body = without(question.body, self._refused)
            question.requests += 1
            try:
                return question.read(await self._transport.complete(question.endpoint, body))
            except MalformedError as error:
                raise RequestError(f"the server's answer cannot be read: {error}") from None
            except RequestError as trouble:
                names = trouble.refused & set(question.optional) & set(body)
                if not names:
                    raise
                self._refuse(names)

    def _refuse(self, names: Set[str]) -> None:
        for name in sorted(names - self._refused):
            instead = f"{RENAMED[name]} is sent instead" if name in RENAMED else "it is left out"
            log.warning("arena: %s does not take %s; %s", self.address.spec, name, instead)
        self._refused |= names

    def _count_failure(self, trouble: RequestError) -> None:
        self._failures = self._failures + 1 if trouble.passing else 0
        if self._failures >= self._give_up_after and self.given_up is None:
            self.given_up = f"given up after {self._failures} failures in a row; the last: {trouble}"


@dataclass(slots=True)
class _Question(Generic[T]):
    endpoint: str
    body: Body
    read: Callable[[Any], T]
    optional: Sequence[str]
    requests: int = 0


async def _in_time(attempt: Callable[[], Awaitable[T]], deadline_s: float) -> T:
    """Try until it works, the deadline has come, or there is no use. Raises RequestError."""
    troubles: list[RequestError] = []
    try:
        async with asyncio.timeout(deadline_s):
            return await _retried(attempt, deadline_s, troubles)
    except TimeoutError:
        before = f"; before that: {troubles[-1]}" if troubles else ""
        raise RequestError(f"no answer within {deadline_s:g} s{before}") from None


async def _retried(attempt: Callable[[], Awaitable[T]], deadline_s: float, troubles: list[RequestError]) -> T:
    """`attempt`, again and again while that may help; `troubles` takes what came up on the way."""
    from tenacity import (
        AsyncRetrying,
        RetryCallState,
        retry_if_exception,
        stop_after_attempt,
        stop_before_delay,
    )

    async def once() -> T:  # tenacity awaits what is defined with async only
        return await attempt()

    def note(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RequestError):
            troubles.append(error)

    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, RequestError) and error.again),
        wait=lambda state: back_off(state.attempt_number, _asked(state)),
        stop=stop_before_delay(deadline_s) | stop_after_attempt(MOST_ATTEMPTS),
        before_sleep=note,
        reraise=True,
    )
    return await retrying(once)


def _asked(state: Any) -> float | None:
    """The seconds that the server asked to wait, if it did."""
    error = state.outcome.exception() if state.outcome else None
    return error.wait_s if isinstance(error, RequestError) else None


def without(body: Body, refused: set[str]) -> Body:
    """The body less what is refused. What has another name gets that: no reply is without a limit."""
    kept = {name: value for name, value in body.items() if name not in refused}
    return kept | {RENAMED[name]: body[name] for name in RENAMED if name in refused and name in body}
