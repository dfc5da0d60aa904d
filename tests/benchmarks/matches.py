"""What `play` adds to a decision: 64 matches in lockstep beside the same matches, one after another, by hand.

Both sides play the same matches to the same decisions: the environment is reset and stepped, its
observation becomes an `Observation` with the decision's own seed, the `random` agent chooses, and the
game's parser reads the reply. `play` also keeps 64 matches going, gathers what waits for an agent and
checks its replies, catches what may fail, credits the rewards, and builds the episodes' records; the
bare loop does none of it. So the quotient is all that playing through `play` costs.
"""

from __future__ import annotations

from typing import Any

from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seeds import decision_seed
from arena_agents import Observation
from arena_agents.random import RandomAgent
from arena_games.base import GameSpec
from arena_games.registry import find_game
from tests.benchmarks.measure import Work

CONFIG = MatchConfig(concurrency=64)


def snake_duel() -> Work:
    return _work("snake-duel", matches=600)


def frozen_lake() -> Work:
    return _work("frozen-lake", matches=1500)


def _work(game: str, matches: int) -> Work:
    spec = find_game(game)
    return Work(
        name=f"play(): a decision of {game}, 64 matches at once",
        unit="decisions/s",
        ours=lambda: _played(spec, matches),
        peer="the bare loop",
        theirs=lambda: _bare(spec, matches),
        reach=1.5,
        aim=1.2,
        goal="times as long",
    )


def _played(spec: GameSpec, matches: int) -> int:
    """Decisions of so many matches; the episodes are kept no longer than a runner needs them."""
    agents = {"random": RandomAgent()}
    queue = (Match(spec, seed, ("random",) * spec.seats) for seed in range(matches))
    return sum(len(episode.steps) for episode in play(queue, agents, CONFIG))


def _bare(spec: GameSpec, matches: int) -> int:
    env, agent, decisions = spec.make_env(), RandomAgent(), 0
    for seed in range(matches):
        env.reset(seed=seed)
        turns = [0] * spec.seats
        while env.agents:
            name = env.agent_selection
            if env.terminations[name] or env.truncations[name]:
                env.step(None)
                continue
            view, _reward, _terminated, _truncated, _info = env.last()
            seat = env.possible_agents.index(name)
            observation = _observation(spec, view, seed, seat, turns[seat])
            env.step(spec.parse(agent.choose(observation), observation))
            turns[seat] += 1
            decisions += 1
    return decisions


def _observation(spec: GameSpec, view: dict[str, Any], seed: int, seat: int, turn: int) -> Observation:
    legal = tuple([action for action, legal in enumerate(view["action_mask"].tolist()) if legal])
    own = decision_seed(seed, 0, seat, turn)
    names, grid = spec.action_names, view["grid"]
    return Observation(
        spec.name, seat, turn, view["text"], legal, grid, seed=own, action_names=names, spec=spec
    )
