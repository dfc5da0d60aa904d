"""The leaderboard of a stored run is that of its results, and nobody has to hold them for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.record.board import Summed, board_of
from arena.record.paired import skin_drops
from arena.record.store import Store
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena.views.leaderboard import show_leaderboard
from arena.views.options import Format
from arena_games.families import family
from arena_leaderboard import MatchResult, head_to_head, ranks_without_a_game, standings
from arena_leaderboard.subsets import ranks_without_a_game_of


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two games and one of them in skins, two players."""
    folder = tmp_path_factory.mktemp("board") / "run"
    run(Tournament.of("frozen-lake,snake-duel", "random,search", folder, matches=4, skins=1))
    return folder


def test_sums_are_those_of_the_results(played: Path) -> None:
    with Store.read(played) as store:
        results, summed = store.results(), Summed.of_store(store)
        assert board_of(store) == standings(results, family=family)
    assert {result.game for result in results} > {"frozen-lake", "snake-duel"}
    agents = ["search", "random"]
    assert summed.duels(agents) == head_to_head(results, agents)
    without = ranks_without_a_game_of(summed.games, family=family)
    assert without == ranks_without_a_game(results, family=family) != {}
    assert skin_drops(summed.of_skins) == skin_drops(results) != []


def test_of_a_run_without_skins_no_result_is_held(tmp_path: Path) -> None:
    run(Tournament.of("frozen-lake", "random,search", tmp_path, matches=2))
    with Store.read(tmp_path) as store:
        assert Summed.of_store(store).of_skins == []


def test_a_leaderboard_asks_for_no_list_of_results(
    played: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def listed(*_: object) -> list[MatchResult]:
        raise AssertionError("all results were asked for at once")

    monkeypatch.setattr(Store, "results", listed)
    show_leaderboard(played, Format.JSON)
    shown = json.loads(capsys.readouterr().out)
    assert {row["agent"] for row in shown["overall"]} == {"search", "random"}
