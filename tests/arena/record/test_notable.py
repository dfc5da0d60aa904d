"""Which matches are worth a look: closest, longest, first invalid reply, first error, by game."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from arena.match.episode import EndReason
from arena.record.notable import MatchSummary, Why, notable

PLAIN = MatchSummary(
    number=1,
    id="b",
    game="duel",
    seed=0,
    players=("x", "y"),
    open_seats=(0, 1),
    returns=(3.0, 0.0),
    placements=(1, 2),
    end=EndReason.FINISHED,
    decisions=10,
    invalid=0,
    first_invalid=None,
)


def by_reason(*matches: MatchSummary) -> dict[Why, int]:
    return {why: found.match.number for found in notable(matches) for why in found.why}


def test_each_reason_finds_its_match() -> None:
    close = replace(PLAIN, number=2, id="c", returns=(2.0, 1.5))
    long = replace(PLAIN, number=3, id="d", decisions=40)
    invalid = [replace(PLAIN, number=n, id=f"e{n}", invalid=1, first_invalid=7) for n in (5, 4)]
    broken = replace(PLAIN, number=6, id="f", end=EndReason.AGENT_ERROR, returns=(0.0, 0.0), decisions=3)
    assert by_reason(PLAIN, close, long, *invalid, broken) == {
        Why.CLOSEST: 2, Why.LONGEST: 3, Why.FIRST_INVALID: 4, Why.FIRST_ERROR: 6,
    }  # fmt: skip
    positions = {
        found.match.number: found.position for found in notable([PLAIN, close, long, *invalid, broken])
    }
    assert positions == {2: 0, 3: 0, 4: 7, 6: 2}


def test_a_match_with_two_reasons_is_named_once() -> None:
    (found,) = notable([PLAIN])
    assert found.why == (Why.CLOSEST, Why.LONGEST)


def test_alone_nobody_is_close() -> None:
    alone = replace(PLAIN, players=("x",), open_seats=(0,), returns=(1.0,), placements=(1,))
    assert alone.margin is None
    assert Why.CLOSEST not in by_reason(alone)


def test_the_margin_follows_places_and_leaves_the_house_out() -> None:
    assert PLAIN.margin == 3.0
    assert replace(PLAIN, placements=(2, 1)).margin == 0.0  # a longer life with fewer points
    three = replace(
        PLAIN, players=("x", "y", "house:z"), open_seats=(0, 1), returns=(3.0, 1.0, 2.5), placements=(1, 3, 2)
    )
    assert three.margin == 2.0
    assert replace(PLAIN, end=EndReason.FORFEIT).margin is None


def test_of_equally_close_ones_the_longer() -> None:
    longer = replace(PLAIN, number=2, id="a", decisions=11)
    assert by_reason(PLAIN, longer)[Why.CLOSEST] == 2


def test_games_are_told_apart() -> None:
    other = replace(PLAIN, number=2, id="a", game="chess")
    assert [found.match.game for found in notable([PLAIN, other])] == ["chess", "duel"]


SUMMARIES = st.builds(
    lambda ended, invalid, decisions, gap: replace(
        PLAIN, end=ended, invalid=int(invalid), first_invalid=0 if invalid else None, decisions=decisions,
        returns=(gap, 0.0),
    ),
    st.sampled_from(EndReason), st.booleans(), st.integers(0, 3), st.floats(0, 1),
)  # fmt: skip


@given(st.lists(SUMMARIES, min_size=1, max_size=12), st.randoms())
def test_the_order_of_the_rows_does_not_matter(found: list[MatchSummary], random: object) -> None:
    numbered = [replace(match, number=n + 1, id=str(n)) for n, match in enumerate(found)]
    shuffled = sorted(numbered, key=lambda match: random.random())  # type: ignore[attr-defined]
    assert by_reason(*numbered) == by_reason(*shuffled)
