"""The extractor Ψ of the built-in games."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_games import Invalid, Observation, parse_action_tag
from arena_games.base import GameSpec
from arena_games.parsing import MANY_TAGS, parse_position, parse_text
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
        ("<action>left</action> or was it <action>lift</action>", "more than one"),
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


DRESSES = ("'{}'", '"{}"', "`{}`", "**{}**", "_{}_", "({})", "[{}]", "“{}”", "{}.", "{}!", " {}\n", "**{}.**")


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("name", NAMES)
def test_what_stands_around_a_name_does_not_matter(name: str, dress: str) -> None:
    assert PARSE(f"<action>{dress.format(name)}</action>", ANY_LEGAL) == NAMES.index(name)


def test_a_name_said_twice_alike_is_said_once() -> None:
    assert PARSE("I go <action>left</action>. So: <action>'Left'</action>", ANY_LEGAL) == 2


SAID = st.lists(
    st.sampled_from([*"'\"`*_()[].,! ", *NAMES, *(name.upper() for name in NAMES), "e4", "E4"])
    | st.text(max_size=3)
).map("".join)
REPLIES = st.lists(SAID.map(lambda said: f"<action>{said}</action>") | SAID, max_size=3).map("".join)


@REPEATABLE
@given(text=REPLIES | TAGGED)
def test_no_tolerance_changes_a_correct_parse(text: str) -> None:
    """What was read before anything was forgiven is read as the same action now, legal or not."""
    for observation in (ANY_LEGAL, ONLY_UP):
        exactly, now = PARSE.exactly(text, observation), PARSE(text, observation)
        if isinstance(exactly, int) or (exactly.illegal and "not legal now" in exactly.reason):
            assert now == exactly


MOVES = ("bxc3", "Bxc3", "Nf3+", "e4", "[4]", "1.", "O-O")
AS_NAMED = parse_position()


@REPEATABLE
@given(said=SAID | st.sampled_from(MOVES), data=st.data())
def test_an_action_that_a_position_does_not_name_is_never_replaced_by_another(said: str, data) -> None:
    """Whatever is played was named, white space and dress aside; a name in full is always understood."""
    names = tuple(data.draw(st.lists(st.sampled_from(MOVES), unique=True, min_size=1)))
    seen = Observation("chess", 0, 0, "", legal=tuple(range(3, 3 + len(names))), names=names)
    action = AS_NAMED(f"<action>{said}</action>", seen)
    if said in names:
        assert action == seen.legal[names.index(said)]
    elif isinstance(action, int):
        assert seen.name_of(action) in said
        assert set(said.replace(seen.name_of(action), "", 1)) <= set("'\"`*_()[].,!:; \n\t“”‘’«»„") | set(
            " \x1c"
        )
    elif isinstance(action, Invalid):
        assert action.illegal or "tag" in action.reason


@REPEATABLE
@given(said=SAID | st.sampled_from(MOVES), data=st.data())
def test_a_bare_reply_is_read_as_one_with_something_around_it(said: str, data) -> None:
    """The short way that most replies take gives what the search gives."""
    names = tuple(data.draw(st.lists(st.sampled_from(MOVES), unique=True, min_size=1)))
    seen = Observation("chess", 0, 0, "", legal=tuple(range(len(names))), names=names)
    bare = f"<action>{said}</action>"
    assert AS_NAMED(bare, seen) == AS_NAMED(f"So: {bare}", seen)


def test_case_is_folded_only_where_the_game_allows_it() -> None:
    poker = Observation("kuhn", 0, 0, "", legal=(0, 1), names=("Pass", "Bet"))
    assert parse_position(case_matters=False)("<action>bet</action>", poker) == 1
    assert AS_NAMED("<action>bet</action>", poker) == Invalid("bet is not legal now", illegal=True)
    pawn_cannot = Observation("chess", 0, 0, "", legal=(5,), names=("Bxc3",))
    assert isinstance(AS_NAMED("<action>bxc3</action>", pawn_cannot), Invalid)


def test_an_alias_is_another_name_of_one_action_alone() -> None:
    cells = Observation("ttt", 0, 0, "", legal=(0, 4), names=("x(0,0)", "x(1,1)"))
    parse = parse_position(aliases=lambda name: (name[1:], "x"))
    assert parse("<action>(1,1)</action>", cells) == 4
    assert isinstance(parse("<action>x</action>", cells), Invalid)


def test_free_text_is_what_is_said_and_nothing_is_made_of_silence() -> None:
    assert parse_text("Hm. <action> [4] </action>", ANY_LEGAL) == "[4]"
    assert parse_text("<action>a</action><action>b</action>", ANY_LEGAL) == MANY_TAGS
    assert isinstance(parse_text("[4]", ANY_LEGAL), Invalid)
