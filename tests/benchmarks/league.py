"""Does a policy beat others? Its share of points against each, on test seeds, from every seat.

    python -m tests.benchmarks.league GAME POLICY [NAME=AGENT ...] [--seeds 100] [--no-versions] [--json FILE]

POLICY is an agent's spec, as a league's folder; its versions (`league/` in it) are opponents too, beside
those that are named. A seed's share is a mean over the seats, ties counting half, and the 95 % interval is
that of the mean over seeds. Two arms of one experiment are compared by naming each other's policies.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from arena import MatchConfig, find_game, make_agent, play
from arena.match.seating import house_agents
from arena.match.seeds import Split, episode_seed
from arena.match.versions import version_of
from arena.training.league.entry import entry_matches
from arena_games.base import GameSpec
from arena_leaderboard import mean_ci95


@dataclass(frozen=True, slots=True)
class Beaten:
    """A share of points against one opponent, over so many matches, and its 95 % interval."""

    opponent: str
    share: float
    low: float
    high: float
    matches: int

    @property
    def settled(self) -> str:
        return "beaten" if self.low > 0.5 else "beats it" if self.high < 0.5 else ""


def opponents(policy: str, named: list[str], *, versions: bool) -> dict[str, str]:
    """The agents' specs by name."""
    found = dict(one.partition("=")[::2] for one in named)
    folder = Path(policy) / "league"
    if versions and folder.is_dir():
        own = sorted(path for path in folder.iterdir() if path.is_dir() and version_of(path.name))
        found |= {path.name: str(path) for path in own}
    return found


def against(spec: GameSpec, policy: str, name: str, opponent: str, seeds: list[int]) -> Beaten:
    """Play every seed from every seat."""
    agents = {"policy": make_agent(policy), name: make_agent(opponent), **house_agents([spec])}
    points: dict[int, list[float]] = {seed: [] for seed in seeds}
    matches = entry_matches(spec, "policy", [name], seeds)
    for episode in play(matches, agents, MatchConfig(concurrency=256)):
        own = episode.placements[episode.players.index("policy")]
        places = [p for p, who in zip(episode.placements, episode.players, strict=True) if who == name]
        points[episode.seed] += [0.5 * ((place > own) + (place >= own)) for place in places]
    shares = [sum(each) / len(each) for each in points.values()]
    mean, interval = mean_ci95(shares, spans=[(0.0, 1.0)])
    low, high = interval or (mean, mean)
    return Beaten(name, mean, low, high, len(matches))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("game")
    parser.add_argument("policy")
    parser.add_argument("named", nargs="*", metavar="NAME=AGENT")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--no-versions", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    spec = find_game(options.game)
    seeds = [episode_seed(Split.TEST, 0, i) for i in range(options.seeds)]
    shown = Table(box=None, pad_edge=False)
    for heading in ("against", "points", "95 %", "matches", ""):
        shown.add_column(heading, justify="left" if heading == "against" else "right")
    rows = []
    for name, agent in opponents(options.policy, options.named, versions=not options.no_versions).items():
        row = against(spec, options.policy, name, agent, seeds)
        rows.append(row)
        interval = f"{row.low:.1%} … {row.high:.1%}"
        shown.add_row(name, f"{row.share:.1%}", interval, str(row.matches), row.settled)
    Console().print(shown)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
