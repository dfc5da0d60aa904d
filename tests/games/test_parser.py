"""The extractor Ψ of the built-in games."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_games import Invalid, Observation, parse_action_tag
from arena_games.base import GameSpec
from arena_games.registry import BUILT_IN

NAMES = ("up", "down", "left", "right")
PARSE = parse_action_tag(NAMES)
ANY_LEGAL = Observation("snake", 0, 0, "", legal=(0, 1, 2, 3))
ONLY_UP = Observation("snake", 0, 0, "", legal=(0,))
TAGGED = st.lists(
    st.sampled_from(["<action>", "</action>", "<ACTION>", "<plan>", " ", *NAMES, "UP"]) | st.text(max_size=5)
).map("".join)

# The same texts in every run, and no stopwatch: the machine may be busy.
REPEATABLE = settings(derandomize=True)


@REPEATABLE
@given(text=st.text() | TAGGED)
def test_any_text_is_a_legal_action_or_invalid(text: str) -> None:
    for spec in BUILT_IN:
        for observation in (ANY_LEGAL, ONLY_UP):
            parsed = spec.parse(text, observation)
            assert isinstance(parsed, Invalid) or parsed in observation.legal


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("observation", [ANY_LEGAL, ONLY_UP], ids=["all legal", "only up"])
def test_the_shortest_reply_is_read_as_any_other(name: str, observation: Observation) -> None:
    assert PARSE(f"<action>{name}</action>", observation) == PARSE(f" <action>{name}</action>", observation)


@REPEATABLE
@given(before=st.text().filter(lambda text: "action" not in text.lower()), name=st.sampled_from(NAMES))
def test_whatever_is_said_around_the_tag_does_not_matter(before: str, name: str) -> None:
    assert PARSE(f"{before}<action>{name}</action>{before}", ANY_LEGAL) == NAMES.index(name)


@pytest.mark.parametrize(
    "reply",
    [
        "<action>left</action>",
        "<action> left </action>",
        "<action>\nLEFT\n</action>",
        "<ACTION>Left</Action>",
        "<plan>not right, not <up></plan><action>left</action>",
    ],
)
def test_case_and_whitespace_do_not_matter(reply: str) -> None:
    assert PARSE(reply, ANY_LEGAL) == 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no <action>"),
        ("left", "no <action>"),
        ("<action>left", "no <action>"),
        ("</action>left<action>", "no <action>"),
        ("<action>left</action><action>right</action>", "more than one"),
        ("<action>left</action> I repeat: <action>left</action>", "more than one"),
        ("<action>left</action> <action>", "more than one"),
        ("<action><action>left</action></action>", "more than one"),
        ("<action>left or right</action>", "not one of: up, down, left, right"),
        ("<action>le ft</action>", "not one of"),
        ("<action></action>", "not one of"),
        ("<action>2</action>", "not one of"),
    ],
)
def test_ambiguous_and_empty_replies_are_invalid(reply: str, reason: str) -> None:
    parsed = PARSE(reply, ANY_LEGAL)
    assert isinstance(parsed, Invalid)
    assert reason in parsed.reason


def test_an_illegal_action_is_invalid() -> None:
    assert PARSE("<action>left</action>", ONLY_UP) == Invalid("left is not legal now", illegal=True)


def test_a_flood_of_open_tags_is_read_in_linear_time() -> None:
    assert isinstance(PARSE("<action>" * 200_000, ANY_LEGAL), Invalid)


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_every_action_has_its_name(spec: GameSpec) -> None:
    for action, name in enumerate(spec.action_names):
        assert spec.parse(f"<action>{name}</action>", ANY_LEGAL) == action
