"""A game of the user's that is odd or broken: one line that says what to do, and nothing else is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import AECEnv
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.episode import EndReason
from arena.match.match import Match
from arena.match.play import play
from arena_agents.random import RandomAgent
from arena_games.base import LONGEST_HORIZON, GameSpec, UsageError
from arena_games.conformance import check_game
from arena_games.gym.spec import gym_game
from arena_games.pettingzoo.spec import pettingzoo_game

Step = tuple[Any, ...]


class Walk(gymnasium.Env[Any, Any]):
    """Five steps, of which the last one pays; `spoil` makes something else of what a step gives."""

    observation_space = spaces.Box(0, 5, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, spoil: Callable[[Step], Step] = lambda told: told) -> None:
        self.spoil, self.place = spoil, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self.place = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> Step:
        self.place += 1
        seen = np.array([self.place], np.float32)
        return self.spoil((seen, float(self.place == 5), self.place == 5, False, {}))


def walk(spoil: Callable[[Step], Step] = lambda told: told, **given: Any) -> GameSpec:
    """The walk as a game, with what is given instead of what is right."""
    right: dict[str, Any] = {
        "text": lambda seen: f"at {int(seen[0])}",
        "actions": ("back", "on"),
        "horizon": 9,
    }
    return gym_game(**{"name": "walk", "make": lambda: Walk(spoil), **right, **given})


def leaves(told: Step) -> Step:
    raise SystemExit(3)


def breaks(told: Step) -> Step:
    raise RuntimeError("broke\nin two lines")


class Turns(AECEnv[str, Any, Any]):  # type: ignore[misc]
    """Two who move in turn, six times in all; `spoil` may change the environment after a step."""

    def __init__(self, spoil: Callable[[Turns], None], mask: tuple[int, ...], agents: list[str]) -> None:
        self.spoil, self.mask, self.possible_agents = spoil, mask, agents
        self.metadata = {"name": "turns", "render_modes": []}

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Dict({"observation": spaces.Box(0, 9, (1,)), "action_mask": spaces.Box(0, 1, (2,))})

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Discrete(2)

    def observe(self, agent: str) -> dict[str, Any]:
        return {
            "observation": np.array([self.count], np.float32),
            "action_mask": np.array(self.mask, np.int8),
        }

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self.count, self.agents = 0, list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self.agent_selection = self.agents[0]

    def step(self, action: int | None) -> None:
        if self.terminations[self.agent_selection]:
            self._was_dead_step(action)
            return
        self.count += 1
        self.agent_selection = self.agents[self.count % 2]
        self.terminations = dict.fromkeys(self.agents, self.count == 6)
        self.spoil(self)


def nothing(env: Turns) -> None:
    """Leaves all as it is."""


def turns(
    spoil: Callable[[Turns], None] = nothing,
    mask: tuple[int, ...] = (1, 1),
    agents: tuple[str, ...] = ("a", "b"),
    **given: Any,
) -> GameSpec:
    right: dict[str, Any] = {"text": str, "actions": ("heads", "tails"), "horizon": 9}
    return pettingzoo_game("turns", lambda: Turns(spoil, mask, list(agents)), **{**right, **given})


def names_a_ghost(env: Turns) -> None:
    env.agent_selection = "ghost"


def pays_a_ghost(env: Turns) -> None:
    env.rewards["ghost"] = 1.0


def keeps_the_dead(env: Turns) -> None:
    env.terminations = dict.fromkeys(env.agents, True)
    env._was_dead_step = lambda action: None


ODD: dict[str, tuple[Callable[[], GameSpec], str]] = {
    "three names for two actions": (lambda: walk(actions=("a", "b", "c")), "2 actions, and 3 are named"),
    "no action named": (lambda: walk(actions=()), "0 are named"),
    "one name twice": (lambda: walk(actions=("a", "a")), "call each by a name of its own"),
    "an empty name": (lambda: walk(actions=("", "b")), "printable characters"),
    "a name of two lines": (lambda: walk(actions=("a\nb", "c")), "printable characters"),
    "a name that a terminal obeys": (lambda: walk(actions=("\x1b[31ma", "b")), "printable characters"),
    "a game that a terminal obeys": (lambda: walk(name="\x1b[2Jw"), "printable characters"),
    "no end": (lambda: walk(horizon=10**9), f"1 to {LONGEST_HORIZON:,} turns"),
    "no beginning": (lambda: walk(horizon=0), f"1 to {LONGEST_HORIZON:,} turns"),
    "no agents": (lambda: turns(agents=()), "needs one at least"),
    "two agents alike": (lambda: turns(agents=("a", "a")), "no two alike"),
}


@pytest.mark.parametrize("case", ODD)
def test_what_cannot_be_a_game_is_refused_where_it_is_made(case: str) -> None:
    make, said = ODD[case]
    with pytest.raises(UsageError) as refused:
        make()
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


BROKEN: dict[str, tuple[Callable[[], GameSpec], str]] = {
    "raises": (lambda: walk(breaks), "RuntimeError: broke"),
    "leaves the program": (lambda: walk(leaves), "SystemExit: 3"),
    "four values": (lambda: walk(lambda told: told[:4]), "gave 4 values"),
    "pays a word": (
        lambda: walk(lambda told: (told[0], "much", *told[2:])),
        "paid 'much', which is no finite number",
    ),
    "pays nothing at all": (lambda: walk(lambda told: (told[0], None, *told[2:])), "paid None"),
    "pays NaN": (lambda: walk(lambda told: (told[0], float("nan"), *told[2:])), "paid nan"),
    "pays without end": (lambda: walk(lambda told: (told[0], float("inf"), *told[2:])), "paid inf"),
    "says nothing": (lambda: walk(text=lambda seen: None), "gave a NoneType, not a str"),
    "says too much": (lambda: walk(text=lambda seen: "A" * 2_000_000), "2,000,019 characters"),
    "allows nothing": (lambda: turns(mask=(0, 0)), "leaves a no action"),
    "a short mask": (lambda: turns(mask=(1,)), "action_mask has 1 places"),
    "a long mask": (lambda: turns(mask=(1, 1, 1)), "action_mask has 3 places"),
    "asks a ghost": (lambda: turns(names_a_ghost), "'ghost', which is none of its possible_agents"),
    "pays a ghost": (lambda: turns(pays_a_ghost), "'ghost', which is none of its possible_agents"),
    "keeps the dead": (lambda: turns(keeps_the_dead), "out of env.agents"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_while_it_is_played_is_the_games_own_loss(case: str) -> None:
    make, said = BROKEN[case]
    spec, whole = make(), walk()
    matches = [Match(game, seed, ("random",) * game.seats) for game in (spec, whole) for seed in range(3)]
    episodes = list(play(iter(matches), {"random": RandomAgent()}))
    ends: dict[str, set[EndReason]] = {spec.name: set(), whole.name: set()}
    for episode in episodes:
        ends[episode.game].add(episode.end)
        if episode.end == EndReason.GAME_ERROR:
            assert said in (episode.detail or "")
    assert EndReason.GAME_ERROR in ends[spec.name]
    assert len(episodes) == 6
    assert sum(episode.end == EndReason.FINISHED for episode in episodes) == 3


@pytest.mark.parametrize("case", BROKEN)
def test_its_check_says_so(case: str) -> None:
    make, said = BROKEN[case]
    failed = [check.detail for check in check_game(make(), episodes=1) if not check.passed]
    assert any(said in detail for detail in failed)


PRINTS = """
import sys
sys.path.insert(0, {folder!r})
from tests.games.test_hostile_games import walk
def loud(told):
    print("noise")
    return told
SPEC = walk(loud)
"""


def test_what_a_game_prints_is_not_in_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loud.py").write_text(PRINTS.format(folder=str(Path(__file__).parents[2])), encoding="utf-8")
    done = CliRunner().invoke(
        cli.app, ["eval", "random", "--games", "loud.py:SPEC", "--episodes", "2", "--json"]
    )
    assert done.exit_code == 0
    assert json.loads(done.stdout)
    assert "noise" in done.stderr
