"""What an agent loses by skins, in an evaluation and in a tournament."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest
from typer.testing import CliRunner

from arena.cli.app import app
from arena.match.evaluate import Conditions
from arena.match.paired import evaluate_skins
from arena.record.paired import skin_drops
from arena.record.store import Store
from arena.record.verify import verify
from arena.tournament.entrants import trainings
from arena.tournament.options import TrainMode
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena.training.dqn.config import DqnConfig
from arena.training.dqn.train import policy_card
from arena.views.page.page import write_report
from arena_agents import Agent, Observation
from arena_agents.dqn.agent import DqnAgent, DqnPolicy
from arena_agents.random import RandomAgent
from arena_agents.search import SearchAgent
from arena_games.base import UsageError, action_reply
from arena_games.registry import find_game
from arena_leaderboard import MatchResult

LAKE, SNAKE = find_game("frozen-lake"), find_game("snake")


class Habit(Agent):
    """Right, then down, by the names that it has learned by heart."""

    name = "habit"

    def choose(self, observation: Observation) -> str:
        return action_reply("right" if observation.turn < 3 else "down")


def test_the_drop_of_search_is_exactly_zero() -> None:
    rows, drops = evaluate_skins("search", SearchAgent(), [LAKE, SNAKE], Conditions(episodes=12), 8)
    assert [row.game for row in rows] == ["frozen-lake", "skins:8:frozen-lake", "snake", "skins:8:snake"]
    for drop in drops:
        assert (drop.return_drop, drop.success_drop) == (0.0, 0.0)
        assert drop.plain_return == drop.skinned_return
        assert drop.return_drop_ci95 is not None
        assert drop.return_drop_ci95[0] < 0 < drop.return_drop_ci95[1]


def test_who_knows_the_names_by_heart_loses_by_other_names() -> None:
    rows, (drop,) = evaluate_skins("habit", Habit(), [LAKE], Conditions(episodes=60), 8)
    assert [row.invalid_rate for row in rows] == [0.0, 1.0]
    assert drop.episodes == 60
    assert drop.success_drop == pytest.approx(rows[0].success_rate - rows[1].success_rate)
    assert drop.success_drop_ci95 is not None
    assert drop.success_drop_ci95[0] > 0


def test_a_specialist_plays_its_game_in_skins_too() -> None:
    card = policy_card(DqnConfig(game="frozen-lake"), LAKE)
    dqn = DqnAgent({"frozen-lake": DqnPolicy.fresh(card, 0)})
    rows, (drop,) = evaluate_skins("dqn", dqn, [LAKE], Conditions(episodes=20), 4)
    assert [row.invalid_rate for row in rows] == [0.0, 0.0]
    assert rows[0].mean_return == rows[1].mean_return
    assert drop.return_drop == 0.0


def test_a_tournament_trains_the_plain_game_alone(tmp_path: Path) -> None:
    tournament = Tournament.of("frozen-lake", "dqn", tmp_path, skins=4)
    assert [training.game for training in trainings(tournament.entrants, tournament.games, tmp_path)] == [
        "frozen-lake"
    ]


def _result(game: str, seed: int, returns: dict[str, float]) -> MatchResult:
    n = len(returns)
    counts = (0,) * n
    return MatchResult(
        game, seed, tuple(returns), (1,) * n, tuple(returns.values()), (True,) * n, counts, counts, (0.0,) * n
    )


def test_drops_of_a_tournament_are_paired_by_seed() -> None:
    plain = {1: 1.0, 2: 0.0, 3: 1.0}
    dressed = {1: 0.5, 2: 0.0, 4: 9.0}
    results = [_result("skins:2:g", seed, {"a": got}) for seed, got in dressed.items()]
    results += [_result("g", seed, {"a": got}) for seed, got in plain.items()]
    results += [_result("other", 1, {"a": 5.0}), _result("skins:odd", 1, {"a": 5.0})]
    (drop,) = skin_drops(results)
    shared = [1, 2]
    assert (drop.agent, drop.game, drop.skins, drop.seeds) == ("a", "g", 2, 2)
    assert drop.plain == fmean(plain[seed] for seed in shared)
    assert drop.skinned == fmean(dressed[seed] for seed in shared)
    assert drop.drop == drop.plain - drop.skinned
    assert drop.ci95 is not None
    assert drop.ci95[0] < drop.drop < drop.ci95[1]


def test_a_tournament_in_skins_is_verified_and_shown(tmp_path: Path) -> None:
    out = tmp_path / "run"
    tournament = Tournament.of("frozen-lake,snake-duel", "random,search", out, matches=6, skins=4)
    result = run(tournament, train=TrainMode.NEVER)
    assert verify(out).faults == []
    drops = skin_drops(result.results)
    assert [(drop.game, drop.agent) for drop in drops] == [
        (game, agent) for game in ("frozen-lake", "snake-duel") for agent in ("random", "search")
    ]
    assert all(drop.drop == 0.0 for drop in drops), "both read the grid, and so meet the same others"
    with Store.read(out) as store:
        assert skin_drops(store.results()) == drops
    write_report(out)
    assert '<section id="skins">' in (out / "report.html").read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, ["leaderboard", str(out)]).stdout
    assert "Returns, plain and in skins" in shown
    more = json.loads(CliRunner().invoke(app, ["leaderboard", str(out), "--json"]).stdout)
    assert len(more["skins"]) == len(drops)


def test_the_command_line_shows_both_and_the_drop() -> None:
    asked = ["eval", "search", "--games", "frozen-lake", "--skins", "4", "--episodes", "6"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0
    assert "skins:4:frozen-lake" in shown.stdout
    assert "+0.00" in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert [drop["success_drop"] for drop in told["drops"]] == [0.0]


@pytest.mark.parametrize(
    ("more", "why"),
    [(["random"], "leave the other agents out"), (["--games", "gym:Taxi-v4"], "has no skins")],
)
def test_what_cannot_be_compared_is_one_line(more: list[str], why: str) -> None:
    shown = CliRunner().invoke(app, ["eval", "search", "--skins", "4", *more])
    assert shown.exit_code == 2
    assert why in shown.stderr


def test_a_game_without_skins_is_refused_before_anything_is_played() -> None:
    with pytest.raises(UsageError, match="has no skins"):
        evaluate_skins("random", RandomAgent(), [find_game("gym:Taxi-v4")], Conditions(episodes=1), 4)
