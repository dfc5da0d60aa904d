"""What of a reply is thought, and what is the answer. Pure text: no model, no tokenizer.

Everything before the last closing tag is reasoning, the opening tag may stand in the prompt. It is kept
apart from the answer, and neither games nor stop strings see it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThinkingTags:
    """The marks around what a model thinks; `ending` is what a thought is closed with from outside."""

    opening: str
    closing: str
    ending: str

    @classmethod
    def pair(cls, opening: str, closing: str) -> ThinkingTags:
        return cls(opening, closing, f"\n{closing}\n\n")


THINK = ThinkingTags.pair("<think>", "</think>")
# Harmony, the format of gpt-oss: the thought is a message of its own, in another channel.
HARMONY = ThinkingTags(
    "<|channel|>analysis<|message|>",
    "<|start|>assistant<|channel|>final<|message|>",
    "<|end|><|start|>assistant<|channel|>final<|message|>",
)
_WORD = r"(?P<word>[\w:.-]*(?:think|thought|reason)\w*)"
# How templates write a closing tag, and the opening tag that belongs to it.
_CLOSINGS = (
    (re.compile(rf"</{_WORD}>", re.IGNORECASE), "<{}>"),
    (re.compile(rf"\[/{_WORD}\]", re.IGNORECASE), "[{}]"),
    (re.compile(rf"<\|/{_WORD}\|>", re.IGNORECASE), "<|{}|>"),
    (re.compile(rf"<\|end_of_{_WORD}\|>"), "<|begin_of_{}|>"),
    (re.compile(rf"<\|END_{_WORD}\|>", re.IGNORECASE), "<|START_{}|>"),
)


def named_tags(template: str | None) -> ThinkingTags | None:
    """The tags that a chat template names; None if it names none."""
    text = template or ""
    for pattern, opening in _CLOSINGS:
        found = pattern.search(text)
        if found:
            return ThinkingTags.pair(opening.format(found["word"]), found[0])
    return HARMONY if "<|channel|>" in text and "analysis" in text and "final" in text else None


def apart(
    text: str, tags: ThinkingTags = THINK, *, opened: bool = False, stop: Sequence[str] = ()
) -> tuple[str, str | None]:
    """Answer and reasoning; no reasoning is None. `opened`: the prompt ends with the opening tag.

    The answer ends after the first of the `stop` strings in it. A thought that is never closed leaves no
    answer.
    """
    before, closed, after = text.partition(tags.closing)
    if not closed:
        if opened or before.lstrip().startswith(tags.opening):
            return "", _thought(before, tags)
        return cut(text, stop), None
    whole = before + closed + cut(after, stop)
    thought, _, answer = whole.rpartition(tags.closing)
    return answer, _thought(thought, tags)


def cut(text: str, stop: Sequence[str]) -> str:
    """The text up to the end of the stop string that is complete first."""
    return text[: min((text.index(string) + len(string) for string in stop if string in text), default=None)]


def _thought(text: str, tags: ThinkingTags) -> str:
    return text.lstrip().removeprefix(tags.opening).strip()
