"""What servers answer: odd replies are data, and nothing else is read into them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_agents.api.completion import Completion, cut, read_completion
from arena_agents.api.errors import MalformedError
from tests.agents.api.openai_server import completion

STOP = ("</action>",)
UP, LEFT = "<action>up</action>", "<action>left</action>"


def read(message: dict[str, Any], finish: Any = "stop", **usage: Any) -> Completion:
    return read_completion(completion(message, finish, **usage), STOP)


@pytest.mark.parametrize(
    ("message", "finish", "text", "kind"),
    [
        ({"content": UP}, "stop", UP, "stop"),
        ({"content": f"plan {UP} and so on {LEFT}"}, "stop", f"plan {UP}", "stop"),
        ({"content": f"{UP} and so"}, "length", UP, "stop"),
        ({"content": UP}, "length", UP, "stop"),
        ({"content": "I would go <act"}, "length", "I would go <act", "length"),
        ({"content": ""}, "length", "", "length"),
        ({"content": ""}, "stop", "", "empty"),
        ({"content": None}, "stop", "", "empty"),
        ({}, "stop", "", "empty"),
        ({"content": " \n"}, None, " \n", "empty"),
        ({"content": None, "tool_calls": []}, "tool_calls", "", "empty"),
        ({"content": "x"}, "tool_calls", "x", "other"),
        ({"content": "x"}, 7, "x", "stop"),
        ({"content": None, "refusal": "I cannot."}, "stop", "I cannot.", "refusal"),
        ({"content": "No", "refusal": "I cannot."}, "length", "No", "refusal"),
        ({"content": ""}, "content_filter", "", "refusal"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "x"}, {"text": "b"}]}, "stop", "ab", "stop"),
        ({"content": "\ud800"}, "stop", "\ud800", "stop"),
    ],
)
def test_text_and_kind_of_a_reply(message: dict[str, Any], finish: Any, text: str, kind: str) -> None:
    found = read(message, finish)
    assert (found.text, found.finish, found.reasoning) == (text, kind, None)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart_and_not_cut(name: str) -> None:
    found = read({"content": LEFT, name: f"perhaps {UP}? no"})
    assert (found.text, found.reasoning) == (LEFT, f"perhaps {UP}? no")


def test_a_leading_think_block_is_reasoning() -> None:
    found = read({"content": f"\n<think>perhaps {UP}</think>\n{LEFT}"})
    assert (found.text, found.reasoning) == (f"\n{LEFT}", f"perhaps {UP}")
    endless = read({"content": f"<think>perhaps {UP}"}, "length")
    assert (endless.text, endless.reasoning, endless.finish) == ("", f"perhaps {UP}", "length")
    assert read({"content": f"so <think>{UP}"}).text == f"so <think>{UP}"


def test_tokens_are_the_servers_or_unknown() -> None:
    details = {"reasoning_tokens": 5}
    found = read({"content": UP}, completion_tokens=9, completion_tokens_details=details)
    assert (found.prompt_tokens, found.completion_tokens, found.reasoning_tokens) == (100, 9, 5)
    for odd in (None, -1, 1.5, "7", True, 2**64, [], float("nan")):
        assert read({"content": UP}, prompt_tokens=odd).prompt_tokens is None
    assert read_completion(completion({"content": UP}) | {"usage": None}, STOP).prompt_tokens is None


@pytest.mark.parametrize(
    "body",
    [
        *(None, [], "text", {}, {"error": {"message": "overloaded"}}),
        *({"choices": choices} for choices in ({}, [], [None], [{"message": 1}])),
        *(completion({"content": content}) for content in (5, {"a": 1})),
    ],
)
def test_a_body_without_a_message_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedError):
        read_completion(body, STOP)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MESSAGE = st.dictionaries(st.sampled_from(["content", "refusal", "reasoning", "reasoning_content"]), JSON)
CHOICE = st.fixed_dictionaries({"message": MESSAGE | JSON, "finish_reason": JSON})
BODY = st.fixed_dictionaries({"choices": st.lists(CHOICE | JSON, max_size=2) | JSON, "usage": JSON})


@given(BODY | JSON)
def test_any_json_is_read_or_malformed(body: Any) -> None:
    try:
        found = read_completion(body, STOP)
    except MalformedError:
        return
    assert isinstance(found.text, str)
    assert found.finish in ("stop", "length", "refusal", "empty", "other")


@given(st.text(st.sampled_from("</actionx>"), max_size=40))
def test_cutting_equals_reading_letter_by_letter(text: str) -> None:
    stops = ("</a>", "x")
    expected = next((text[:i] for i in range(len(text) + 1) if text[:i].endswith(stops)), text)
    assert cut(text, stops) == expected
