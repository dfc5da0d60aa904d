"""Playing on until ranks are separated: what is played next, when it ends, and how often it errs."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Callable, Collection
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.match import Match
from arena.record.board import board_after, looks_at
from arena.record.store import Store
from arena.tournament.options import TrainMode
from arena.tournament.plan import Tournament
from arena.tournament.run import UntilSeparated, run
from arena.tournament.schedule import rotations
from arena.tournament.separation import ALPHA, Verdict, groups, level, next_round, play_on, separated
from arena.views.tournament_progress import TournamentDisplay
from arena_leaderboard import Difference, Leaderboard, MatchResult, differences

SCRIPTED = Path(__file__).parents[1] / "scripted.py"
Play = Callable[[list[Match]], bool]


def tournament(
    agents: str = "a=random,b=random,c=random,d=random",
    games: str = "frozen-lake,snake-duel",
    matches: int = 12,
    seed: int = 0,
    out: Path = Path("out"),
) -> Tournament:
    return Tournament.of(games, agents, out, seed=seed, matches=matches)


def gap(points: float, deviation: float) -> Difference:
    """A difference with the 95 % interval of a normal estimate."""
    reach = 1.959964 * deviation
    return Difference("a", "b", points, points - reach, points + reach, 0.95, 0.5)


def test_the_looks_share_the_5_percent() -> None:
    spent = [1 - level(look) for look in range(1, 2000)]
    assert spent == sorted(spent, reverse=True)
    assert 0.999 * ALPHA < math.fsum(spent) < ALPHA


def test_a_look_asks_for_its_own_level() -> None:
    assert separated(gap(2.3, 1.0), look=1)
    assert not separated(gap(2.2, 1.0), look=1), "2.24 standard deviations are 97.5 %"
    assert not separated(gap(2.6, 1.0), look=2)
    assert separated(gap(2.7, 1.0), look=2), "2.64 are 99.17 %"
    assert not separated(gap(0.0, 0.0), look=1)


def false_alarms(rule: Callable[[Difference, int], bool], looks: int = 8, runs: int = 4000) -> float:
    """How often `rule` tells two equals apart, when each look has twice the data of the one before."""
    generator = np.random.default_rng(0)
    alarms = 0
    for _ in range(runs):
        total, size = 0.0, 0.0
        for look in range(1, looks + 1):
            total += generator.normal() * math.sqrt(new := max(size, 1.0))
            size += new
            if rule(gap(total / size, 1 / math.sqrt(size)), look):
                alarms += 1
                break
    return alarms / runs


def test_two_equals_are_told_apart_in_5_percent_of_runs_at_most() -> None:
    assert false_alarms(separated) <= ALPHA
    assert false_alarms(lambda found, look: found.separated) > 0.12, "without sharing, far too often"


def test_tied_neighbours_of_tied_neighbours_play_together() -> None:
    assert groups([("a", "b"), ("b", "c"), ("d", "e")]) == [("a", "b", "c"), ("d", "e")]
    assert groups([]) == []


def test_a_round_is_the_tied_alone_all_on_the_same_new_seeds() -> None:
    planned = tournament()
    found = next_round(planned, (), [("a", "b"), ("c", "d")], 1, 10_000)
    assert not {match.seed for match in found} & {match.seed for match in planned.schedule()}
    for game, orders in (("frozen-lake", 1), ("snake-duel", 2)):
        matches = [match for match in found if match.spec.name == game]
        assert {frozenset(match.players) for match in matches} <= {
            frozenset(names) for names in (*"abcd", "ab", "cd")
        }
        seeds = {name: {match.seed for match in matches if name in match.players} for name in "abcd"}
        assert len({frozenset(of) for of in seeds.values()}) == 1
        assert {len([m for m in matches if "a" in m.players and m.seed == s]) for s in seeds["a"]} == {orders}
        old = {match.seed for match in planned.schedule() if match.spec.name == game}
        assert len(seeds["a"]) == len(old), "as many seeds as before"
        for match in matches:
            turned = rotations(match.players)
            assert {m.players for m in matches if m.seed == match.seed} >= set(turned)


def test_every_round_doubles_what_was_played() -> None:
    planned = tournament()
    sizes = [len(next_round(planned, (), [("a", "b")], look, 10_000)) for look in (1, 2, 3)]
    assert sizes == [sizes[0], 2 * sizes[0], 4 * sizes[0]]
    ids = [match.id for look in (1, 2, 3) for match in next_round(planned, (), [("a", "b")], look, 10_000)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("room", [0, 1, 5, 17, 100])
def test_a_round_keeps_within_the_room_that_is_left(room: int) -> None:
    assert len(next_round(tournament(), (), [("a", "b"), ("b", "c")], 2, room)) <= room


def test_who_cannot_play_a_game_is_not_asked_to() -> None:
    found = next_round(tournament(), {("b", "frozen-lake")}, [("a", "b"), ("b", "c")], 1, 10_000)
    lake = [match.players for match in found if match.spec.name == "frozen-lake"]
    assert set(lake) == {("a",), ("c",)}
    assert any("b" in match.players for match in found)


class Simulated:
    """Results by chance: each agent's strength, plus the seed's luck and its own."""

    def __init__(self, strengths: dict[str, float], run: int) -> None:
        self.strengths, self.generator = strengths, np.random.default_rng(run)
        self.found: dict[str, MatchResult] = {}
        self.rounds: list[list[Match]] = []

    def play(self, matches: list[Match]) -> bool:
        self.rounds.append(matches)
        self.found |= {match.id: self.result(match) for match in matches}
        return True

    def result(self, match: Match) -> MatchResult:
        names = match.players[: len(match.spec.open_seats)]
        luck = np.random.default_rng(match.seed).normal()
        returns = tuple(float(luck + self.strengths[name] + self.generator.normal()) for name in names)
        places = tuple(1 + sum(other > own for other in returns) for own in returns)
        many = {"successes": (True,), "invalid": (0,), "decisions": (1,), "seconds": (0.0,)}
        columns = {name: values * len(names) for name, values in many.items()}
        return MatchResult(
            game=match.spec.name,
            seed=match.seed,
            players=names,
            placements=places,
            returns=returns,
            **columns,  # type: ignore[arg-type]
        )

    def results(self, ids: Collection[str]) -> list[MatchResult]:
        return [self.found[id_] for id_ in ids]


def held(
    planned: Tournament, strengths: dict[str, float], run: int, budget: int
) -> tuple[Simulated, Verdict]:
    """A simulated tournament that is played until its ranks are separated."""
    simulated = Simulated(strengths, run)
    simulated.play(planned.schedule())
    verdict = play_on(planned, (), simulated.results, simulated.play, max_matches=budget)
    return simulated, verdict


def test_it_plays_the_tied_until_they_are_separated() -> None:
    planned = tournament()
    simulated, verdict = held(planned, {"a": 9.0, "b": 0.5, "c": 0.0, "d": -9.0}, 2, 5000)
    assert verdict.tied == ()
    assert verdict.matches == len(simulated.found) < 5000
    more = {name for matches in simulated.rounds[1:] for match in matches for name in match.players}
    assert more == {"b", "c"}
    assert str(verdict).startswith("All neighbouring ranks are separated at 95% after ")


def test_it_ends_with_the_budget_and_says_who_is_tied() -> None:
    planned = tournament("a=random,b=random")
    _, verdict = held(planned, {"a": 0.0, "b": 0.0}, 1, 150)
    assert {frozenset(pair) for pair in verdict.tied} == {frozenset("ab")}
    assert 130 < verdict.matches <= 150
    assert "Not separable at 95%" in str(verdict)


def test_a_round_that_is_cut_short_ends_it() -> None:
    planned = tournament("a=random,b=random")
    simulated = Simulated({"a": 0.0, "b": 0.0}, 1)
    simulated.play(planned.schedule())
    verdict = play_on(planned, (), simulated.results, lambda matches: False, max_matches=None)
    assert verdict.looks == 1
    assert verdict.tied


def board(simulated: Simulated, verdict: Verdict) -> Leaderboard:
    """The board that is shown beside the verdict."""
    return board_after(list(simulated.found.values()), verdict.looks)


def test_the_board_says_what_the_verdict_says() -> None:
    """Whatever the look: its `≈` are the tied pairs, and 95 % alone would say something else."""
    planned = tournament("a=random,b=random,c=random", games="frozen-lake", matches=10)
    plainly = 0
    for run_ in range(12):
        simulated, verdict = held(planned, {"a": 0.0, "b": 0.1, "c": 0.6}, run_, 200)
        found = board(simulated, verdict)
        assert found.level == level(verdict.looks)
        names = [standing.agent for standing in found.overall]
        marked = [standing.separated is False for standing in found.overall[1:]]
        assert [pair for pair, tied in zip(pairwise(names), marked, strict=True) if tied] == list(
            verdict.tied
        )
        plainly += [gap.separated for gap in differences(found)] != [not tied for tied in marked]
    assert plainly > 0


def test_a_stored_run_tells_how_often_it_was_looked_at() -> None:
    planned = tournament("a=random,b=random")
    simulated, verdict = held(planned, {"a": 0.0, "b": 0.0}, 1, 600)
    results = list(simulated.found.values())
    assert looks_at(results, planned.seed) == verdict.looks > 2
    assert looks_at(simulated.results([match.id for match in planned.schedule()]), planned.seed) == 1
    assert looks_at(results, planned.seed + 1) == looks_at(results, None) == 1


@pytest.mark.slow
def test_simulated_tournaments_of_two_equals_err_in_5_percent_at_most() -> None:
    planned = tournament("a=random,b=random", games="frozen-lake", matches=10)
    equals, found = {"a": 0.0, "b": 0.0}, [0, 0, 0]
    for run_ in range(400):
        simulated, verdict = held(planned, equals, run_, 160)
        shown = board(simulated, verdict)
        plain = differences(shown)[0].separated
        for place, wrong in enumerate((not verdict.tied, shown.overall[1].separated, plain)):
            found[place] += bool(wrong)
    print(
        f"\nof 400 two equals told apart: verdict {found[0]}, its board {found[1]}, a board at 95% {found[2]}"
    )
    assert max(found[:2]) <= 400 * ALPHA + 2 * math.sqrt(400 * ALPHA * (1 - ALPHA))


def stored(out: Path) -> Counter[str]:
    with Store.read(out) as store:
        return Counter(store.episode_ids())


def test_a_real_run_that_is_stopped_goes_on_to_the_same_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = f"random,twin={SCRIPTED}:Twin,search"

    def play(out: Path) -> Verdict | None:
        planned = tournament(agents, "frozen-lake,snake-duel", 8, out=out)
        console = Console(file=io.StringIO())
        until = UntilSeparated(120)
        return run(
            planned, train=TrainMode.AUTO, deadline_s=60.0, display=TournamentDisplay(console), until=until
        ).verdict

    whole = play(tmp_path / "whole")
    assert whole is not None
    assert whole.looks > 1

    add, left = Store.add_rows, [3]

    def failing(self: Store, *arguments: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        add(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("arena.tournament.run.BATCH_EPISODES", 10)
    monkeypatch.setattr(Store, "add_rows", failing)
    for batches in (3, 4, 5):
        left[0] = batches
        with pytest.raises(KeyboardInterrupt):
            play(tmp_path / "stopped")
    monkeypatch.setattr(Store, "add_rows", add)
    assert play(tmp_path / "stopped") == whole
    assert stored(tmp_path / "stopped") == stored(tmp_path / "whole")
    assert play(tmp_path / "whole") == whole, "nothing is left to play"


def test_the_command_says_what_is_tied(tmp_path: Path) -> None:
    options = ["--games", "frozen-lake", "--agents", "a=random,b=random", "--matches", "5"]
    command = ["tournament", *options, "--out", str(tmp_path), "--until-separated", "--max-matches", "30"]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert "Not separable at 95% after 3 looks at 30 matches, " in done.stdout
    assert done.stdout.rstrip().endswith("which the looks have to share: a and b.")


def test_a_budget_without_its_purpose_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["tournament", "--max-matches", "9", "--out", str(tmp_path / "x")])
    assert done.exit_code == 2
    assert "--max-matches bounds --until-separated" in done.stderr
    assert not (tmp_path / "x").exists()
