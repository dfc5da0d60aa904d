"""What can go wrong with a request: whether to try again, when, and what to tell the user."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_MESSAGE = 200  # characters of a server's own words
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 20.0
RETRIED = frozenset({408, 409, 425, 429})  # and all from 500 on
NOT_THE_REQUEST = frozenset({401, 402, 403, 404, 407, *RETRIED})  # other 4xx blame what was asked


class MalformedError(ValueError):
    """A body that is not what the endpoint promises."""


class RequestError(Exception):
    """A request without a usable answer.

    `again`: another try may succeed at once. `passing`: one at another time may, as neither the
    request nor the model's reply is at fault. `wait_s` is what the server asks to wait.
    `refused` names parameters that the server does not take; `status` is the HTTP status, if any.
    """

    def __init__(
        self,
        message: str,
        *,
        again: bool = True,
        passing: bool = True,
        wait_s: float | None = None,
        refused: frozenset[str] = frozenset(),
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.again, self.passing, self.wait_s = again, passing, wait_s
        self.refused, self.status = refused, status


def back_off(attempt: int, asked_s: float | None) -> float:
    """Seconds before the next attempt: what the server asks, else doubling, with jitter."""
    if asked_s is not None:
        return asked_s
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
    return random.uniform(longest / 2, longest)  # timing only: no result depends on it


def status_error(status: int, headers: Mapping[str, str], body: object, key_names: str) -> RequestError:
    """The trouble behind an HTTP status of 400 or more (or a redirect)."""
    said = _said(body)
    if 300 <= status < 400:
        return RequestError(
            f"the server redirects elsewhere ({status}), which is not followed; name the URL that answers",
            again=False,
            status=status,
        )
    if status in (401, 403):
        return RequestError(
            f"the server refuses the key, or wants one ({status}); set {key_names}",
            again=False,
            status=status,
        )
    out_of_money = status == 402 or "insufficient_quota" in said
    again = (status in RETRIED or (status >= 500 and status != 501)) and not out_of_money
    hint = "; does the URL end in /v1?" if status == 404 else ""
    return RequestError(
        f"the server answers {status}{f': {said}' if said else ''}{hint}",
        again=again,
        passing=again or status in NOT_THE_REQUEST,
        wait_s=retry_after(headers) if again else None,
        refused=_named(body) if status in (400, 422) else frozenset(),
        status=status,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `retry-after-ms` or `Retry-After` (seconds or a date, RFC 9110) asks to wait."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _said(body: object) -> str:
    """A server's own words on one line: `error.message`, `message` or `detail`, else the body's text."""
    found: Any = body
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and name in found:
            found = found[name]
    code = body.get("code") if isinstance(body, dict) else None
    text = f"{found or ''}{f' ({code})' if isinstance(code, str) else ''}"
    return " ".join(text[: 10 * LONGEST_MESSAGE].split())[:LONGEST_MESSAGE]


def _named(body: object) -> frozenset[str]:
    """The words of a refusal that may be names of parameters; the `param` it states, if it does."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    param = inner.get("param") if isinstance(inner, dict) else None
    if isinstance(param, str) and param:
        return frozenset({param})
    return frozenset(re.findall(r"[a-z_]+", str(body)[: 10 * LONGEST_MESSAGE]))
