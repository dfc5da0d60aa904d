"""Reading what a chat endpoint answers. Nothing in it is taken on trust: not a type, not a number.

A body without a message is malformed. A message is data, whatever is odd about it: it becomes a
`Completion` whose `finish` says how it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arena_agents.api.errors import MalformedError
from arena_agents.limits import MOST_TOKENS
from arena_agents.reasoning import apart, cut

FINISHES = {"stop": "stop", "length": "length", "max_tokens": "length", "content_filter": "refusal"}


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply: `text` is the answer, `reasoning` what the model thought apart from it.

    `finish` is "stop", "length" (cut off), "refusal", "empty" or "other". Counts of tokens are
    the server's, None where it gives none.
    """

    text: str
    reasoning: str | None
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None


def read_completion(body: Any, stop: Sequence[str]) -> Completion:
    """The first choice of a chat completion, its text cut after the first of the `stop` strings.

    Raises MalformedError if there is no message in it.
    """
    choice = _first_choice(body)
    message = choice["message"]
    text, reasoning = _content(message), _text(message, "reasoning_content", "reasoning")
    if reasoning is None:  # some servers leave it in the answer
        text, reasoning = apart(text, stop=stop)
    refusal = _text(message, "refusal")
    whole = cut(text, stop)
    stated = choice.get("finish_reason")
    finish = FINISHES.get(stated, "other") if isinstance(stated, str) else "stop"
    if refusal:
        whole, finish = whole or refusal, "refusal"
    elif any(string in text for string in stop):
        finish = "stop"  # it was whole when the server cut it
    elif not whole.strip() and finish in ("stop", "other"):
        finish = "empty"
    usage = body.get("usage")
    return Completion(
        whole,
        reasoning,
        finish,
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        _count(_field(usage, "completion_tokens_details"), "reasoning_tokens"),
    )


def _first_choice(body: Any) -> dict[str, Any]:
    choices = _field(body, "choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(_field(first, "message"), dict):
        error = _field(body, "error")
        raise MalformedError("no message in it" + (f", but {str(error)[:120]}" if error else ""))
    found: dict[str, Any] = choices[0]
    return found


def _content(message: dict[str, Any]) -> str:
    """The answer; servers send a string, null, or a list of parts."""
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(str(_field(part, "text") or "") for part in content)
    if not isinstance(content, str):
        raise MalformedError(f"content is of type {type(content).__name__}")
    return content


def _text(message: dict[str, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := message.get(name), str) and value), None)


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _count(usage: Any, name: str) -> int | None:
    number = _field(usage, name)
    valid = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST_TOKENS
    return number if valid else None
