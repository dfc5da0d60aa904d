"""eval: what an agent scores on held-out seeds."""

from __future__ import annotations

import gc
import json
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from arena.match.episode import EndReason, Episode
from arena.match.evaluate import Conditions, EvalRow, evaluate, played_episodes
from arena.match.match import MatchConfig
from arena.match.paired import PairedRow, evaluate_side_by_side
from arena_agents import Agent, Observation
from arena_agents.random import RandomAgent
from arena_agents.search import SearchAgent
from arena_games.base import GameSpec, UsageError
from arena_games.registry import find_game, game_specs
from tests.arena.players import Exits, Raises, Says, Seeded

KEYS = [
    *("agent", "game", "episodes", "mean_return", "return_ci95", "success_rate", "success_ci95"),
    *("invalid_rate", "first_invalid_rate"),
]
LAKE, DUEL, ROYALE = map(find_game, ("frozen-lake", "snake-duel", "snake-royale"))


def test_rows_have_exactly_the_promised_keys() -> None:
    rows = evaluate("me", Seeded(), game_specs(), episodes=3, opponent=RandomAgent())
    for row, spec in zip(rows, game_specs(), strict=True):
        dumped = json.loads(row.model_dump_json())
        assert list(dumped) == KEYS
        assert (dumped["agent"], dumped["game"], dumped["episodes"]) == ("me", spec.name, 3)
        low, high = dumped["return_ci95"]
        assert low <= dumped["mean_return"] <= high


def test_the_search_reaches_the_goal_and_the_same_seed_gives_the_same_row() -> None:
    one, two = (evaluate("search", SearchAgent(), [LAKE], episodes=20, seed=4) for _ in range(2))
    assert one == two
    assert one[0].success_rate == one[0].mean_return == 1.0


def test_an_agent_that_says_nothing_usable_is_all_invalid() -> None:
    (row,) = evaluate("mute", Says("?"), [LAKE], episodes=5)
    assert row.invalid_rate == 1.0


@pytest.mark.parametrize("spec", [DUEL, ROYALE], ids=lambda spec: spec.name)
def test_against_its_equal_an_agent_does_as_well_as_chance(spec: object) -> None:
    (row,) = evaluate("me", RandomAgent(), [spec], episodes=60, opponent=RandomAgent())  # type: ignore[list-item]
    fair = 1 / len(spec.open_seats)  # type: ignore[attr-defined]
    assert fair - 0.25 < row.success_rate < fair + 0.35, "ties for the first place count for all"


def test_own_failures_count_as_no_success_and_others_not_at_all() -> None:
    (row,) = evaluate("me", Raises(), [LAKE], episodes=20)
    assert (row.episodes, row.errors) == (20, 0)
    assert 0 < row.forfeits <= 20 * (1 - row.success_rate)
    assert "no more ideas" in str(row.first_error)
    (row,) = evaluate("me", RandomAgent(), [DUEL], episodes=20, opponent=Raises())
    assert (row.forfeits, row.episodes) == (0, 20 - row.errors)
    assert row.errors > 0


def test_nothing_but_failures_is_an_error() -> None:
    with pytest.raises(UsageError, match="the first error: SystemExit: good bye"):
        evaluate("me", Exits(), [LAKE], episodes=2)


def test_a_versus_game_needs_an_opponent() -> None:
    with pytest.raises(UsageError, match="name one with --opponents"):
        evaluate("me", Seeded(), [DUEL], episodes=1)


def pair_of(
    names: tuple[str, str], agents: tuple[Agent, Agent], games: Sequence[GameSpec], conditions: Conditions
) -> tuple[list[EvalRow], list[PairedRow]]:
    makers = {name: lambda agent=agent: agent for name, agent in zip(names, agents, strict=True)}
    return evaluate_side_by_side(makers, games, conditions, [names])


def test_two_agents_are_compared_seed_by_seed() -> None:
    """By a plain loop over what both scored; the rows are those of each alone."""
    agents, conditions = (SearchAgent(), RandomAgent()), Conditions(episodes=40, seed=3)
    rows, (pair,) = pair_of(("search", "random"), agents, [LAKE], conditions)
    alone = [
        evaluate(n, a, [LAKE], episodes=40, seed=3)[0]
        for n, a in zip(("search", "random"), agents, strict=True)
    ]
    assert rows == alone
    assert pair.episodes == 40
    assert pair.return_difference == pytest.approx(alone[0].mean_return - alone[1].mean_return)
    assert pair.success_difference == pytest.approx(alone[0].success_rate - alone[1].success_rate)
    low, high = pair.success_difference_ci95
    assert 0.7 < low < pair.success_difference <= high <= 1


def test_of_several_agents_one_at_a_time_exists_and_each_pair_is_that_of_the_two_alone() -> None:
    games, conditions = [LAKE, find_game("snake")], Conditions(episodes=10, seed=1)
    alive: weakref.WeakSet[Agent] = weakref.WeakSet()
    at_once: list[int] = []

    def maker(kind: type[Agent]) -> Callable[[], Agent]:
        def make() -> Agent:
            gc.collect()
            agent = kind()
            alive.add(agent)
            at_once.append(len(alive))
            return agent

        return make

    kinds: dict[str, type[Agent]] = {"search": SearchAgent, "random": RandomAgent, "seeded": Seeded}
    chosen = [("search", "random"), ("seeded", "random")]
    rows, pairs = evaluate_side_by_side(
        {name: maker(kind) for name, kind in kinds.items()}, games, conditions, chosen
    )
    assert at_once == [1, 1, 1]
    assert [(row.game, row.agent) for row in rows] == [(spec.name, name) for spec in games for name in kinds]
    assert [(pair.game, pair.agent, pair.other) for pair in pairs] == [
        (spec.name, *names) for spec in games for names in chosen
    ]
    for names in chosen:
        _, alone = pair_of(names, (kinds[names[0]](), kinds[names[1]]()), games, conditions)
        assert alone == [pair for pair in pairs if (pair.agent, pair.other) == names]


def test_an_agent_does_not_differ_from_itself() -> None:
    snake = find_game("snake")
    _, (pair,) = pair_of(("a", "b"), (RandomAgent(), RandomAgent()), [snake], Conditions(episodes=10))
    assert (pair.return_difference, pair.success_difference) == (0, 0)
    low, high = pair.return_difference_ci95
    assert low < 0 < high


def test_seeds_that_failed_for_one_are_left_out_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's failure says nothing of the agent; its own failure is a forfeit and counts."""

    def played(agent: Agent, spec: GameSpec, conditions: Conditions) -> list[Episode]:
        episodes = played_episodes(agent, spec, conditions)
        outside = replace(episodes[7], end=EndReason.AGENT_ERROR, culprit="agent")
        return [*episodes[:7], outside, *episodes[8:]] if isinstance(agent, SearchAgent) else episodes

    monkeypatch.setattr("arena.match.paired.played_episodes", played)
    conditions = Conditions(episodes=20)
    rows, (pair,) = pair_of(("search", "random"), (SearchAgent(), RandomAgent()), [LAKE], conditions)
    assert ([row.episodes for row in rows], pair.episodes) == ([19, 20], 19)
    rows, (pair,) = pair_of(("raises", "random"), (Raises(), RandomAgent()), [LAKE], conditions)
    assert rows[0].forfeits > 0
    assert pair.episodes == 20


def test_who_is_too_slow_is_given_more_time_by_name() -> None:
    class Slow(Agent):
        def choose(self, observation: Observation) -> str:
            time.sleep(0.5)
            return "<action>down</action>"

    config = MatchConfig(deadline_s=0.05)
    with pytest.raises(UsageError, match=r"no reply within 0\.05 s; --deadline gives more time"):
        evaluate("slow", Slow(), [find_game("frozen-lake")], episodes=1, config=config)
