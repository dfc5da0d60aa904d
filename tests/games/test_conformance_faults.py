"""The conformance suite fails on faults planted in a sound game, each by the check that is for it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from arena_games.base import GameSpec, Invalid, Observation
from arena_games.conformance import Check, check_game
from arena_games.registry import find_game
from arena_games.snake.env import SnakeEnv
from arena_games.snake.rules import SnakeConfig

DUEL = find_game("snake-duel")
EPISODES = 25


class LeaksPendingMoves(SnakeEnv):
    def text(self, seat: int) -> str:
        return f"{super().text(seat)}\nCommitted: {sorted(self._pending.items())}"


class LeaksPendingMovesInTheGrid(SnakeEnv):
    def grid(self, seat: int) -> Any:
        return super().grid(seat) * (0.5 if 0 in self._pending.values() else 1.0)


class MovesOneByOne(SnakeEnv):
    """The board of the second seat already shows the first one's move."""

    def text(self, seat: int) -> str:
        return f"{super().text(seat)}\nFirst heads for {self._pending.get(0, 'nowhere')}"


class ShowsTheBoardOfTheLastRound(SnakeEnv):
    def begin(self) -> None:
        super().begin()
        self.shown = self.state

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        self.shown = self.state
        return super().resolve(moves)

    def text(self, seat: int) -> str:
        fresh, self.state = self.state, self.shown if seat else self.state
        text = super().text(seat)
        self.state = fresh
        return text


class PaysWhatWasPaidAgain(SnakeEnv):
    """`last()` counts from the start of the episode."""

    def step(self, action: int | None) -> None:
        agent, before = self.agent_selection, self._cumulative_rewards[self.agent_selection]
        super().step(action)
        if agent in self._cumulative_rewards and not self.terminations[agent]:
            self._cumulative_rewards[agent] += before


class ShowsARewardForEveryCommit(SnakeEnv):
    def _clear_rewards(self) -> None:
        pass


class SeedsNumpyForEverybody(SnakeEnv):
    def begin(self) -> None:
        np.random.seed(int(self.rng.integers(1000)))  # noqa: NPY002
        super().begin()


class DrawsFromTheGlobalRandom(SnakeEnv):
    def begin(self) -> None:
        self.rng = np.random.default_rng(random.randrange(10**9))
        super().begin()


class ForgetsTheSeed(SnakeEnv):
    def begin(self) -> None:
        self.rng = np.random.default_rng()
        super().begin()


class RemembersTheLastEpisode(SnakeEnv):
    def begin(self) -> None:
        if not hasattr(self, "state"):
            super().begin()


class NeverEnds(SnakeEnv):
    def living(self) -> tuple[int, ...]:
        return (0, 1)

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        return dict.fromkeys(moves, 0.0)


class KeepsTheOutcomeSecret(SnakeEnv):
    def _move(self) -> None:
        super()._move()
        self.infos = {agent: {} for agent in self.agents}


class WritesInGreek(SnakeEnv):
    def text(self, seat: int) -> str:
        return f"Φίδι\n{super().text(seat)}"


class SaysNoActions(SnakeEnv):
    def text(self, seat: int) -> str:
        return super().text(seat).partition("Actions:")[0]


class SpacesOnCall(SnakeEnv):
    def observation_space(self, agent: str) -> Any:
        return spaces.Dict(dict(super().observation_space(agent).spaces))


class ActionsOnCall(SnakeEnv):
    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(4)


class SpaceWithoutLineBreaks(SnakeEnv):
    def observation_space(self, agent: str) -> Any:
        self.observation_spaces[agent].spaces["text"] = spaces.Text(10_000)
        return super().observation_space(agent)


class SpaceTooShort(SnakeEnv):
    def observation_space(self, agent: str) -> Any:
        self.observation_spaces[agent].spaces["text"].max_length = 100
        return super().observation_space(agent)


class GridBeyondItsSpace(SnakeEnv):
    def grid(self, seat: int) -> Any:
        return super().grid(seat) * 2


class GridForgotten(SnakeEnv):
    def observe(self, agent: str) -> Any:
        return {key: value for key, value in super().observe(agent).items() if key != "grid"}


class ObservesABareString(SnakeEnv):
    def observation_space(self, agent: str) -> Any:
        return super().observation_space(agent)["text"]

    def observe(self, agent: str) -> Any:
        return super().observe(agent)["text"]


class Crashes(SnakeEnv):
    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        raise KeyError("seat_7")


def parse_carelessly(text: str, observation: Observation) -> int | Invalid:
    return DUEL.action_names.index(text.split("<action>")[1].split("</action>")[0])


def parse_whatever(text: str, observation: Observation) -> int | Invalid:
    return 17


def parse_by_number(text: str, observation: Observation) -> int | Invalid:
    return int(text) if text in ("0", "1", "2", "3") else Invalid("a number, please")


def parse_by_lot(text: str, observation: Observation) -> int | Invalid:
    return random.randrange(4)


def duel(env: type[SnakeEnv]) -> GameSpec:
    return replace(DUEL, make_env=partial(env, config=DUEL.config))


def failures(spec: GameSpec) -> dict[str, Check]:
    return {check.name: check for check in check_game(spec, episodes=EPISODES) if not check.passed}


FAULTY_ENVIRONMENTS = {
    LeaksPendingMoves: "no seat sees a pending move",
    LeaksPendingMovesInTheGrid: "no seat sees a pending move",
    MovesOneByOne: "no seat sees a pending move",
    ShowsTheBoardOfTheLastRound: "observations are fresh",
    PaysWhatWasPaidAgain: "rewards add up",
    ShowsARewardForEveryCommit: "nothing is paid twice",
    SeedsNumpyForEverybody: "global random state is untouched",
    DrawsFromTheGlobalRandom: "global random state is untouched",
    ForgetsTheSeed: "same seed and actions, same episode",
    RemembersTheLastEpisode: "a reset forgets the episode before",
    NeverEnds: "every episode ends within the horizon",
    KeepsTheOutcomeSecret: "final infos hold placements and successes",
    WritesInGreek: "observations are inside their space",
    SaysNoActions: "the text names every legal action",
    ObservesABareString: "the spec fits the environment",
    Crashes: "random episodes can be played",
    SpacesOnCall: "the spec fits the environment",
    ActionsOnCall: "the spec fits the environment",
}

OUTSIDE_THEIR_SPACE = {
    WritesInGreek: r"'text' holds '\\u03.*charset=",
    SpaceWithoutLineBreaks: r"'text' holds '\\n', ' ', .*charset=string.printable",
    SpaceTooShort: r"'text' has \d+ characters; its space wants 1 to 100",
    GridBeyondItsSpace: r"'grid' is outside Box",
    GridForgotten: r"holds action_mask, text, but its space action_mask, grid, text",
}

FAULTY_SPECS = {
    "a parser that raises": (replace(DUEL, parse=parse_carelessly), "parse never raises"),
    "a parser of illegal actions": (replace(DUEL, parse=parse_whatever), "parse never raises"),
    "a parser that draws lots": (replace(DUEL, parse=parse_by_lot), "parse never raises"),
    "a parser that knows no names": (replace(DUEL, parse=parse_by_number), "every action can be named"),
    "an action too many": (
        replace(DUEL, actions={**DUEL.actions, "stay": "stay"}),
        "the spec fits the environment",
    ),
    "the same action twice": (
        replace(DUEL, actions={"up": "", "UP": "", "left": "", "right": ""}),
        "the spec fits the environment",
    ),
    "a seat too few": (
        replace(DUEL, seats=1, open_seats=(0,)),
        "the spec fits the environment",
    ),
    "too short a horizon": (replace(DUEL, horizon=1), "every episode ends within the horizon"),
}


@pytest.mark.parametrize("env", FAULTY_ENVIRONMENTS, ids=lambda env: env.__name__)
def test_a_faulty_environment_fails(env: type[SnakeEnv]) -> None:
    failed = failures(duel(env))
    assert FAULTY_ENVIRONMENTS[env] in failed
    assert all(check.detail and "\n" not in check.detail for check in failed.values())


@pytest.mark.parametrize("env", OUTSIDE_THEIR_SPACE, ids=lambda env: env.__name__)
def test_what_is_outside_its_space_is_told(env: type[SnakeEnv]) -> None:
    detail = failures(duel(env))["observations are inside their space"].detail
    assert re.match(r"seed 0: the observation of seat 0 at step 0: " + OUTSIDE_THEIR_SPACE[env], detail)


def test_spaces_that_are_made_on_call_are_told() -> None:
    detail = failures(duel(ActionsOnCall))["the spec fits the environment"].detail
    assert detail == "action_space('seat_0') gives another object each time; make it once, in __init__"


@pytest.mark.parametrize("fault", FAULTY_SPECS)
def test_a_faulty_spec_fails(fault: str) -> None:
    spec, name = FAULTY_SPECS[fault]
    assert name in failures(spec)


def test_the_sound_game_under_the_faults_passes() -> None:
    assert failures(duel(SnakeEnv)) == {}


class TakesTurns(SnakeEnv):
    """Snakes that really move one after another; what is committed is on the board."""

    def __init__(self, name: str = "turns", config: SnakeConfig | None = None) -> None:
        super().__init__(name, config)
        self.metadata = {**self.metadata, "is_parallelizable": False}

    def text(self, seat: int) -> str:
        return f"{super().text(seat)}\nPlayed this round: {sorted(self._pending.items())}"


def test_a_game_in_turns_may_show_the_moves_before() -> None:
    assert failures(duel(TakesTurns)) == {}


def test_a_fault_is_told_in_one_line_with_the_seed_that_shows_it() -> None:
    failed = failures(duel(LeaksPendingMoves))
    assert set(failed) == {"no seat sees a pending move"}
    assert failed.popitem()[1].detail.startswith("seed 0: text of seat 1 depends on a pending move")
