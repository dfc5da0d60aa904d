"""What a seat is worth, whoever sits on it."""

from dataclasses import replace

import numpy as np
import pytest

from arena_leaderboard import MatchResult, seat_effects, standings
from tests.leaderboard.simulate import crashed, single, versus


def both_orders(seed: int, first_wins: tuple[bool, bool]) -> list[MatchResult]:
    """a against b on one seed, once on either seat; whether the first seat won each time."""
    return [
        versus("duel", seed, pair, (1, 2) if won else (2, 1))
        for pair, won in zip(("ab", "ba"), first_wins, strict=True)
    ]


def test_strength_cancels_out() -> None:
    results = [match for seed in range(20) for match in both_orders(seed, (True, False))]
    first, second = seat_effects(results)
    assert (first.seat, first.score, first.matches) == (0, 0.5, 40)
    assert second.score == 0.5
    assert first.low < 0.5 < first.high


def test_a_better_seat_is_found_with_a_sound_interval() -> None:
    generator = np.random.default_rng(4)
    held = []
    for _ in range(300):
        favoured = generator.beta(6, 4, size=30)  # of each seed, 0.6 on the whole
        results = [
            match
            for seed, chance in enumerate(favoured)
            for match in both_orders(seed, tuple((generator.random(2) < chance).tolist()))
        ]
        first, second = seat_effects(results)
        assert first.score + second.score == pytest.approx(1)
        held.append(first.low <= 0.6 <= first.high)
    assert 0.91 <= np.mean(held) <= 0.98


def test_unbalanced_line_ups_are_left_out() -> None:
    """A tournament that stopped half way: a, the better one, sat first once more."""
    played = [match for seed in range(5) for match in both_orders(seed, (True, False))]
    half = versus("duel", 5, "ab", (1, 2))
    assert seat_effects([*played, half]) == seat_effects(played)
    assert seat_effects([half]) == ()


def test_seats_keep_their_numbers() -> None:
    pairs = [("ab", (1, 2)), ("ba", (1, 2))]
    results = [replace(versus("g", 0, pair, places), seats=(1, 3)) for pair, places in pairs]
    assert [(effect.seat, effect.score) for effect in seat_effects(results)] == [(1, 1.0), (3, 0.0)]


def test_four_seats_score_the_share_left_behind() -> None:
    line_up = "abcd"
    orders = [line_up[i:] + line_up[:i] for i in range(4)]
    effects = seat_effects(versus("royale", 0, order, (1, 2, 2, 4)) for order in orders)
    assert [effect.score for effect in effects] == [1.0, 0.5, 0.5, 0.0]


def test_agreeing_seeds_do_not_make_certainty() -> None:
    (first, _) = seat_effects([match for seed in range(10) for match in both_orders(seed, (True, True))])
    assert (first.score, first.low, first.high) == (1.0, pytest.approx(0.7), 1.0)


def test_only_rated_versus_matches_count() -> None:
    assert seat_effects([single("lake", 0, "a", 1.0), crashed("duel", 0, ("a", "b"), "a")]) == ()
    board = standings([*both_orders(0, (True, False)), single("lake", 0, "a", 1.0)])
    assert list(board.seats) == ["duel"]
    assert [seat["seat"] for seat in board.to_json()["seats"]["duel"]] == [0, 1]
