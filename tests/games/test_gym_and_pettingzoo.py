"""Environments of Gymnasium and PettingZoo as games of the arena, with the libraries themselves."""

from __future__ import annotations

from typing import ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv

from arena.match.match import Match
from arena.match.play import play
from arena_agents.registry import make_agent
from arena_games.base import ActionKind, UsageError
from arena_games.conformance import check_game
from arena_games.gym.spec import gym_game
from arena_games.gym.words import plain
from arena_games.pettingzoo.spec import pettingzoo_game
from arena_games.registry import find_game

GYM = ("CliffWalking-v1(cut=50)", "Taxi-v4", "Blackjack-v1", "FrozenLake-v1(is_slippery=False)")
CLASSIC = (
    *("connect_four_v3", "tictactoe_v3", "chess_v6(cut=10)", "go_v5(board_size=5,cut=20)", "rps_v2"),
    *("leduc_holdem_v4", "texas_holdem_v4", "texas_holdem_no_limit_v6"),
)


def faults(spec) -> list[str]:
    checks = check_game(spec, episodes=5)
    return [f"{check.name}: {check.detail}" for check in checks if not check.passed]


@pytest.mark.parametrize("id_", GYM)
def test_gymnasiums_toy_texts_pass_every_check(id_: str) -> None:
    assert faults(find_game(f"gym:{id_}")) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSIC)
def test_pettingzoos_classic_games_pass_every_check(name: str) -> None:
    pytest.importorskip("pygame")
    pytest.importorskip("rlcard")
    assert faults(find_game(f"pettingzoo:{name}")) == []


class Cart(gymnasium.Env):
    """A user's environment: drive to the end of the road, within ten moves."""

    observation_space = spaces.Box(0, 10, (1,), np.float32)
    action_space = spaces.Discrete(2, start=1)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.left = int(self.np_random.integers(4)), 10
        return np.array([self.place], np.float32), {}

    def step(self, action):
        self.place, self.left = max(0, self.place + (1 if action == 2 else -1)), self.left - 1
        there = self.place >= 5
        return np.array([self.place], np.float32), float(there), there, self.left == 0, {}


CART = gym_game(
    "cart",
    Cart,
    text=lambda observation: f"You are at {int(observation[0])} of 5.",
    actions={"back": "one less", "on": "one more"},
    task="Drive to the end of the road.",
    horizon=10,
)


def test_ones_own_gymnasium_environment_is_a_game() -> None:
    assert faults(CART) == []
    episodes = list(play([Match(CART, seed, ("r",)) for seed in range(40)], {"r": make_agent("random")}))
    assert {episode.end for episode in episodes} == {"finished", "truncated"}
    assert all(episode.successes == (episode.returns[0] > 0,) for episode in episodes)


class Pennies(ParallelEnv):
    """A user's environment in which both move at once."""

    metadata: ClassVar = {"name": "pennies", "is_parallelizable": True}
    possible_agents: ClassVar = ["odd", "even"]

    def __init__(self):
        self.render_mode = None

    def observation_space(self, agent):
        return spaces.Box(-1, 1, (2,), np.float32)

    def action_space(self, agent):
        return spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        self.agents, self.turn, self.last = list(self.possible_agents), 0, np.full(2, -1, np.float32)
        return dict.fromkeys(self.agents, self.last.copy()), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.turn += 1
        odd, even = actions["odd"], actions["even"]
        self.last = np.array([odd, even], np.float32)
        paid = {"odd": 1.0 if odd != even else -1.0, "even": 1.0 if odd == even else -1.0}
        over = dict.fromkeys(self.agents, self.turn == 4)
        agents = list(self.agents)
        if self.turn == 4:
            self.agents = []
        return (
            dict.fromkeys(agents, self.last.copy()),
            paid,
            over,
            dict.fromkeys(agents, False),
            {agent: {} for agent in agents},
        )


PENNIES = pettingzoo_game(
    "pennies",
    Pennies,
    text=lambda observation: f"Last round: {observation.tolist()}",
    actions=("heads", "tails"),
    horizon=4,
)


def test_ones_own_parallel_environment_is_a_game_in_which_nobody_sees_a_pending_move() -> None:
    assert faults(PENNIES) == []
    (episode,) = play([Match(PENNIES, 3, ("r", "r"))], {"r": make_agent("random")})
    assert len(episode.steps) == 8
    assert sum(episode.returns) == 0


def test_what_colours_alone_tell_is_put_in_brackets() -> None:
    assert plain("\x1b[41mS\x1b[0mFF\x1b[34;1mB\x1b[0m") == "[S]FFB"


def test_the_taxis_text_says_where_everything_is() -> None:
    env = find_game("gym:Taxi-v4").make_env()
    env.reset(seed=3)
    text = env.observe("seat_0")["text"]
    row, column, _, _ = env._env.unwrapped.decode(env._env.unwrapped.s)
    assert f"row {row}, column {column}" in text
    assert "\x1b" not in text


def test_planes_of_a_flat_observation_are_one_hot() -> None:
    env = find_game("gym:CliffWalking-v1").make_env()
    env.reset(seed=0)
    grid = env.observe("seat_0")["grid"]
    assert grid.shape == (48, 1, 1)
    assert np.flatnonzero(grid).tolist() == [36]


@pytest.mark.filterwarnings("ignore")
def test_chess_of_pettingzoo_names_moves_as_chess_does() -> None:
    pytest.importorskip("pygame")
    spec = find_game("pettingzoo:chess_v6")
    env = spec.make_env()
    env.reset(seed=0)
    assert spec.kind == ActionKind.POSITION
    assert {"e4", "Nf3"} < set(env.observe("seat_0")["action_names"])


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gym:CartPole-v1", "draws nothing as text"),
        ("gym:MountainCarContinuous-v0", "only Discrete ones"),
        ("gym:Nope-v1", "doesn't exist"),
        ("gym:Taxi", "did you mean 'Taxi-v"),
        ("gym:", "arena list gym"),
        ("gym:Taxi-v4(colour=red)", "has no setting 'colour'; its settings: .*is_rainy"),
        ("gym:Blackjack-v1(natural=maybe)", "natural is True or False, not 'maybe'"),
        ("gym:FrozenLake-v1(map_name=9x9)", "cannot be made: KeyError: '9x9'; its settings: .*map_name"),
        ("pettingzoo:nope_v1", "known: chess_v6"),
        ("pettingzoo:chess", "did you mean 'chess_v6'"),
        ("pettingzoo:classic.tictactoe_v3:env", "did you mean 'tictactoe_v3'"),
        ("pettingzoo:rps_v2(num_actions=5)", "has 5 actions, and 3 are named; name them all with"),
        ("pettingzoo.classic.rps_v2:env", "not a GameSpec; name one, as pettingzoo:rps_v2"),
    ],
)
def test_what_cannot_be_played_says_so_in_one_line(name: str, line: str) -> None:
    with pytest.raises(UsageError, match=line) as caught:
        find_game(name)
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named(monkeypatch) -> None:
    import importlib

    from arena_games.pettingzoo import spec

    def missing(name: str):
        raise ModuleNotFoundError("No module named 'pygame'", name="pygame")

    monkeypatch.setattr(spec.importlib, "import_module", missing)
    with pytest.raises(UsageError, match=r"pygame-ce.*tmsg-arena\[pettingzoo\]"):
        spec.find("chess_v6", "pettingzoo:chess_v6")
    assert importlib.import_module is missing
