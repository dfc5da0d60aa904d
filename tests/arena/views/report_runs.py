"""Runs for the tests of the report: a harmless one, and one in which everybody means harm."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from arena.machine.environment import environment
from arena.match.match import MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents
from arena.record.store import Store
from arena.tournament.schedule import schedule
from arena_agents import Agent
from arena_agents.random import RandomAgent
from arena_games.registry import find_game
from tests.arena import players

ATTACK = "window.hacked=1"
HOSTILE_NAMES = (
    f"<script>{ATTACK}</script>",
    f'"><img src=x onerror={ATTACK}>',
    f"</script></style><svg onload={ATTACK}>",
    "nul\x00+esc\x1b[31m lone\ud800 rtl\u202e sep\u2028",
    "{{ 7*7 }} $x^2$ &amp; 漢字 " + "long" * 100,
)
CLAIMED = {"random": "random", "seeded": "nano", "first": "nano+snake", "mute": "dqn"}


def fill(
    folder: Path,
    games: Sequence[str],
    agents: Mapping[str, Agent],
    matches: int,
    claimed: Mapping[str, str] | None = None,
) -> None:
    """Play a small tournament into `folder`; `claimed` are the agents' specs in its config."""
    specs = [find_game(name) for name in games]
    config = {
        "games": {spec.name: spec.version for spec in specs},
        "agents": dict(claimed or dict.fromkeys(agents, "random")),
        "seed": 0,
        "matches": matches,
    }
    with Store.open(folder, config, environment()) as store:
        for spec in specs:
            planned = schedule([spec], list(agents), seed=0, matches=matches)
            everyone = {**agents, **house_agents([spec])}
            store.add(list(play(planned, everyone, MatchConfig())), spec.open_seats)


def plain_run(folder: Path) -> Path:
    """Four agents on four games, and two training runs."""
    agents = {
        "random": RandomAgent(),
        "seeded": players.Seeded(),
        "first": players.First(),
        "mute": players.Says(),
    }
    games = ("frozen-lake", "frozen-lake-slippery", "snake-duel", "snake")
    fill(folder, games, agents, matches=6, claimed=CLAIMED)
    training(folder, "nano@snake", "nano", "snake", [0.5, 1.25, 2.0])
    training(folder, "dqn@frozen-lake", "dqn", "frozen-lake", [0.1, 0.9])
    return folder


def crowded_run(folder: Path) -> Path:
    """Forty agents with names of every length on two games."""
    agents = {f"{'model-' * (i % 5)}{i:02d}{'-instruct' * (i % 3)}": RandomAgent() for i in range(40)}
    fill(folder, ("frozen-lake", "frozen-lake-slippery"), agents, matches=2)
    return folder


def hostile_run(folder: Path) -> Path:
    """Every name, reply and training run holds what a page must not obey."""
    fill(
        folder,
        ("frozen-lake", "snake-duel"),
        dict.fromkeys(HOSTILE_NAMES, players.Hostile()),
        2,
        {name: name for name in HOSTILE_NAMES},
    )
    training(folder, "one", HOSTILE_NAMES[0], HOSTILE_NAMES[1], [0.0, 1.0])
    training(folder, "two", HOSTILE_NAMES[3], HOSTILE_NAMES[4], [0.0, 1.0])
    return folder


def training(folder: Path, name: str, agent: str, game: str, returns: Sequence[float]) -> Path:
    """A training run as the trainers leave it, as far as the report looks."""
    run = folder / "agents" / name
    run.mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"algorithm": "msgrpo", "agent": agent, "game": game}))
    rows = [
        {"step": step, "episodes": 64 * step, "train/return": value / 2, "eval/return": value}
        for step, value in enumerate(returns)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run
