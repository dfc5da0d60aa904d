"""`--dry-run`: the forecast is near what is then played, asks servers for little, and leaves nothing."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.record.store import Store
from arena.tournament.entrants import parse_entrants
from arena.tournament.forecast import Estimate, Forecast, forecast
from arena.tournament.forecast_sample import REMOTE_SAMPLE, SAMPLE, announcements, sample_of
from arena.tournament.options import TrainMode
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena.views.forecast import print_forecast
from arena.views.tournament_progress import TournamentDisplay
from arena_agents import Agent, Observation, Reply, TokenSample, Usage
from arena_agents.random import RandomAgent
from arena_games.base import UsageError

SILENT = TournamentDisplay(Console(file=io.StringIO()))

HERE = Path(__file__).parents[1]
REMOTE = "gpt=m@http://127.0.0.1:9/v1"


class Paid(Agent):
    """Takes 100 tokens in, 10 out and a cent for every reply."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        said = RandomAgent().act(observations)
        return [Reply(reply.text, usage=Usage(100, 10, cost=0.01)) for reply in said]


class Sampled(RandomAgent):
    """Says with which tokens, as a model of ours does: 50 in, 3 out."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        sample = TokenSample(tuple(range(50)), (1, 2, 3), (-0.1, -0.1, -0.1))
        return [Reply(reply.text, sample) for reply in super().act(observations)]


MINE = f"{Path(__file__)}:"


def tournament(out: Path, agents: str = "random,search", games: str = "all", matches: int = 60) -> Tournament:
    return Tournament.of(games, agents, out, seed=0, matches=matches)


def forecast_of(planned: Tournament) -> Forecast:
    return forecast(planned, deadline_s=60.0, say=lambda line: None)


def test_an_estimate_is_the_mean_times_what_is_left() -> None:
    assert Estimate.of([3.0, 3.0, 3.0], 10) == Estimate(30.0, 0.0)
    assert Estimate.of([2.0, 4.0], 10).value == 30.0
    assert Estimate.of([5.0], 4) == Estimate(20.0, None)
    assert Estimate.of([1.0, 2.0, 3.0], 1).half == pytest.approx(4.302653 * (1 / 3 + 1) ** 0.5)  # t of 2
    both = Estimate(1.0, 3.0) + Estimate(2.0, 4.0)
    assert both == Estimate(3.0, 5.0)
    assert (both.low, both.high) == (0.0, 8.0)
    assert (Estimate(1.0, None) + both).half is None


def test_the_interval_holds_the_total_in_95_percent_of_draws() -> None:
    generator, held = np.random.default_rng(0), []
    for _ in range(1000):
        drawn = generator.normal(10, 3, size=SAMPLE + 30)
        estimate = Estimate.of(drawn[:SAMPLE].tolist(), 30)
        low, high = estimate.value - (estimate.half or 0), estimate.value + (estimate.half or 0)
        held.append(low <= drawn[SAMPLE:].sum() <= high)
    assert 0.93 < np.mean(held) < 0.97


def test_the_forecast_is_near_what_is_then_played(tmp_path: Path) -> None:
    agents = f"random,paid={MINE}Paid,search"
    planned = tournament(tmp_path, agents, "frozen-lake,snake-duel")
    found = forecast_of(planned)
    assert list(tmp_path.iterdir()) == [], "nothing is stored"
    run(planned, train=TrainMode.AUTO, deadline_s=60.0, display=SILENT)
    with Store.read(tmp_path) as store:
        played = list(store.episodes())
    decisions = Counter((e.game, e.players[step.seat]) for e in played for step in e.steps)
    assert found.matches == len(played)
    inside = []
    for row in found.rows:
        assert row.matches == sum(row.agent in e.players for e in played if e.game == row.game)
        assert row.decisions is not None
        off = abs(row.decisions.value - decisions[row.game, row.agent])
        inside.append(off <= max(row.decisions.half or 0.0, 0.05 * row.decisions.value))
    assert sum(inside) >= 5, "of six intervals of 95 %"


def test_costs_are_what_agents_say_they_are(tmp_path: Path) -> None:
    found = forecast_of(tournament(tmp_path, f"random,paid={MINE}Paid", "frozen-lake,snake-duel"))
    for row in found.rows:
        if row.agent == "paid":
            assert row.decisions is not None
            assert row.prompt_tokens is not None
            assert row.prompt_tokens.value == pytest.approx(100 * row.decisions.value)
            assert row.cost is not None
            assert row.cost.value == pytest.approx(0.01 * row.decisions.value)
        else:
            assert row.prompt_tokens is row.reply_tokens is row.cost is None
    total = found.totals()["cost"]
    assert total is not None
    assert total.value == pytest.approx(sum(row.cost.value for row in found.rows if row.cost))


def test_what_is_stored_is_not_forecast_again(tmp_path: Path) -> None:
    planned = tournament(tmp_path, games="frozen-lake", matches=5)
    run(planned, train=TrainMode.AUTO, deadline_s=60.0, display=SILENT)
    found = forecast_of(planned)
    assert found.matches == 0
    assert {row.matches for row in found.rows} == {0}
    assert found.totals()["decisions"] is None


def test_tokens_are_counted_by_a_models_own_samples(tmp_path: Path) -> None:
    (row,) = forecast_of(tournament(tmp_path, "nano", "frozen-lake", 5)).rows
    assert row.prompt_tokens is not None
    assert row.reply_tokens is not None
    assert row.decisions is not None
    assert 20 < row.prompt_tokens.value / row.decisions.value < 500  # a board and its rules
    assert 1 < row.reply_tokens.value / row.decisions.value <= 16
    assert row.cost is None


def test_tokens_are_unknown_of_an_agent_in_a_process_of_its_own(tmp_path: Path) -> None:
    (row,) = forecast_of(tournament(tmp_path, f"mine={MINE}Sampled", "frozen-lake", 5)).rows
    assert row.decisions is not None
    assert row.prompt_tokens is None
    assert row.reply_tokens is None


@pytest.mark.parametrize("games", ["frozen-lake", "snake-duel", "snake-royale"])
def test_the_sample_is_small_and_smaller_where_it_costs(games: str, tmp_path: Path) -> None:
    planned = tournament(tmp_path, f"random,search,other=random,half=random,{REMOTE}", games)
    chosen = sample_of(planned.schedule(), planned.entrants)
    played = Counter(name for match in chosen for name in set(match.players))
    assert played["gpt"] == REMOTE_SAMPLE
    assert all(SAMPLE <= played[name] <= 4 * SAMPLE for name in ("random", "search", "other", "half"))
    (line,) = announcements(planned, {games: chosen})
    assert line.startswith("the sample itself asks gpt for ")


def test_who_cannot_play_a_game_is_said_and_not_forecast(tmp_path: Path) -> None:
    pytest.importorskip("pyspiel")
    planned = tournament(tmp_path, "random,mcts", "frozen-lake", 5)
    found = forecast_of(planned)
    assert [(row.game, row.agent, row.matches) for row in found.rows] == [("frozen-lake", "random", 5)]
    assert found.matches == 5
    (said,) = found.notes
    assert said.startswith("mcts plays OpenSpiel's games")
    assert said.endswith("frozen-lake is none; left out there.")


def test_who_is_not_trained_is_named_and_stood_in_for(tmp_path: Path) -> None:
    agents = f"random,dqn,mine={MINE}Sampled+snake"
    found = forecast_of(tournament(tmp_path, agents, "frozen-lake,snake-royale", 16))
    assert all(row.decisions is not None for row in found.rows)
    assert found.notes == [
        "Not trained yet, forecast as random plays, without the training: dqn@frozen-lake, dqn@snake-royale.",
        f"Not trained yet, forecast as {MINE}Sampled plays, without the training: mine@snake.",
    ]
    assert not list(tmp_path.rglob("*"))


def test_entrants_are_what_they_seem() -> None:
    assert parse_entrants(REMOTE)[0].label == "gpt"


def test_a_wrong_agent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown agent 'nosuch'"):
        forecast_of(tournament(tmp_path, "random,nosuch"))


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    command = ["tournament", "--dry-run", "--agents", "random,search", "--games", "frozen-lake,snake"]
    command += ["--matches", "5", "--out", str(tmp_path / "x")]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert "Forecast" in done.stdout
    assert "In all: 20 matches, " in done.stdout
    pure = CliRunner().invoke(cli.app, [*command, "--json"])
    shown = json.loads(pure.stdout)
    assert list(shown) == ["matches", "rows", "games_seconds", "total", "notes"]
    assert shown["rows"][0]["decisions"].keys() == {"value", "low", "high"}
    assert shown["total"]["cost"] is None
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_fits_and_shows_names_as_they_are(width: int, tmp_path: Path) -> None:
    (row,) = forecast_of(tournament(tmp_path, f"mine={MINE}Sampled", "frozen-lake-slippery", 5)).rows
    found = Forecast(5, [row, replace(row, agent="[b]x[/b]\x1b[31m")], Estimate(1.0, 0.0), ["a note"])
    stream = io.StringIO()
    print_forecast(found, Console(file=stream, width=width, force_terminal=False))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any("[b]x[/b]\\x1b[31m" in line for line in lines)
    assert ("±" in lines[4]) == (width == 200)
