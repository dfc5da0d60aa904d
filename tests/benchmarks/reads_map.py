"""Does a FrozenLake policy read the map? What it would choose, with its map and with another one.

    python -m tests.benchmarks.reads_map RUN [--states 100] [--json]

For states that a noisy player comes to on validation maps it prints how much probability its choice
among the four replies gives to best moves, and how far that distribution moves, in total variation, if only
the holes are others (none under the player) and if only the player stands elsewhere. A policy that has got
no further than a habit does not move at all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from arena.match.seeds import Split, episode_seed
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.engines.choice import choice_logprobs, decisions, in_passes, scores
from arena_agents.language.agent import LanguageAgent
from arena_agents.registry import make_agent
from arena_games.base import Observation
from arena_games.frozen_lake import rules, text
from arena_games.frozen_lake.rules import FrozenLakeConfig, FrozenLakeState
from arena_games.registry import find_game

LAKE = find_game("frozen-lake")
CONFIG: Any = LAKE.config
NOISE = 0.3


def best_moves(config: FrozenLakeConfig, state: FrozenLakeState) -> list[int]:
    """The moves onto the shortest safe way."""
    away = rules.distances_to_goal(config, state.holes)
    x, y = state.position
    far = [away.get((x + right, y + up), np.inf) for right, up in rules.MOVES]
    return [move for move, distance in enumerate(far) if distance == min(far)]


def visited(count: int, rng: np.random.Generator) -> list[FrozenLakeState]:
    """States from which the goal can be reached, as a player comes to them who errs now and then."""
    found: list[FrozenLakeState] = []
    for episode in range(count):
        start = np.random.default_rng(episode_seed(Split.VALIDATION, 0, episode))
        state = rules.draw_state(CONFIG, start)
        while not (rules.in_hole(state) or rules.at_goal(CONFIG, state) or rules.timed_out(CONFIG, state)):
            found.append(state)
            move = int(rng.integers(4)) if rng.random() < NOISE else best_moves(CONFIG, state)[0]
            state = rules.step(CONFIG, state, move, rng)
    return [found[i] for i in rng.permutation(len(found))[:count]]


def moved_elsewhere(state: FrozenLakeState, rng: np.random.Generator) -> FrozenLakeState:
    """The same map, the player on another safe cell."""
    free = [
        cell
        for cell in rules.distances_to_goal(CONFIG, state.holes)
        if cell not in (state.position, CONFIG.goal) and cell not in state.holes
    ]
    return replace(state, position=free[int(rng.integers(len(free)))])


def on_another_map(state: FrozenLakeState, rng: np.random.Generator) -> FrozenLakeState:
    """The same place and time on a map of other holes."""
    while True:
        holes = rules.draw_state(CONFIG, rng).holes
        if state.position not in holes and holes != state.holes:
            return replace(state, holes=holes)


@torch.no_grad()
def chances(agent: LanguageAgent, states: Sequence[FrozenLakeState]) -> Tensor:
    """The probability of each move (N, 4), replies without words."""
    engine: Any = agent.engine
    prompts = [agent.prompt_ids(_observation(state)) for state in states]
    choices = agent.drafts(LAKE.action_names)
    found = torch.zeros(len(states), len(choices))

    def read(texts: Any, replies: Any) -> Any:
        return read_replies(engine.model, texts, replies, family=engine.family)

    for together in in_passes(decisions(prompts, [choices] * len(prompts)), 8192, branching=True):
        for decision, row in zip(together, choice_logprobs(scores(read, together), 1.0), strict=True):
            found[list(decision.members)] = row.exp().float()
    return found


def _observation(state: FrozenLakeState) -> Observation:
    return Observation(
        game=LAKE.name,
        spec=LAKE,
        seat=0,
        turn=state.turn,
        text=text.render(CONFIG, state),
        legal=tuple(range(4)),
        grid=text.planes(CONFIG, state),
        history=(),
        seed=0,
        action_names=LAKE.action_names,
    )


def measured(agent: LanguageAgent, count: int) -> dict[str, float]:
    """The figures, each a mean over `count` states."""
    rng = np.random.default_rng(0)
    states = visited(count, rng)
    own = chances(agent, states)
    best = torch.zeros_like(own)
    for row, state in enumerate(states):
        best[row, best_moves(CONFIG, state)] = 1.0
    map_ = chances(agent, [on_another_map(state, rng) for state in states])
    place = chances(agent, [moved_elsewhere(state, rng) for state in states])
    return {
        "states": len(states),
        "probability of best moves": float((own * best).sum(1).mean()),
        "moved by another map": float((own - map_).abs().sum(1).mean() / 2),
        "moved by another place": float((own - place).abs().sum(1).mean() / 2),
        **{name: float(own[:, move].mean()) for move, name in enumerate(LAKE.action_names)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Does a FrozenLake policy read the map?")
    parser.add_argument("policy", help="a run's folder, or a language model's spec")
    parser.add_argument("--states", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    agent = make_agent(asked.policy)
    if not isinstance(agent, LanguageAgent):
        parser.error(f"{asked.policy} is no language model")
    found = measured(agent, asked.states)
    print(json.dumps(found) if asked.json else "\n".join(f"{k:28}{v:.3g}" for k, v in found.items()))


if __name__ == "__main__":
    main()
