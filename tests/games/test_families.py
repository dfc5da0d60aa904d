"""Which games are kinds of one."""

import pytest

from arena_games.families import family


@pytest.mark.parametrize(
    ("game", "found"),
    [
        ("snake", "snake"),
        ("snake-poison", "snake"),
        ("snake-royale(size=9)", "snake"),
        ("skins:8:snake-duel", "snake"),
        ("frozen-lake-slippery", "frozen-lake"),
        ("skins:8:frozen-lake(frozen=0.9)", "frozen-lake"),
        ("snake-of-mine", "snake-of-mine"),  # a plug-in's
        ("openspiel:leduc_poker(players=3)", "openspiel:leduc_poker"),
        ("skins:4:openspiel:tic_tac_toe", "openspiel:tic_tac_toe"),
        ("my_game.py:SPEC", "my_game.py:SPEC"),
        ("skins:nonsense", "skins:nonsense"),
        ("odd(brackets)", "odd(brackets)"),
    ],
)
def test_families(game: str, found: str) -> None:
    assert family(game) == found
