"""A league of one: the policy meets itself, its own past and agents that never change (`--opponents league`).

    a start state is played against        itself              with league_latest
                                           an anchor           with league_anchors
                                           a past version b    else, P(b) ∝ f(x_b), x_b the win rate against b

    f(x) = (1 − x)²  `hard`      x (1 − x)  `even`      1  `uniform`

Prioritised fictitious self-play, AlphaStar (Vinyals 2019). Mirror play alone forgets how to beat what it has
beaten; `hard` prefers who still wins, `even` who is about as good. x is a running mean of the learner's
successes, ½ before the first game. All of it follows from the seed and from what was logged, so that a run
can be resumed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

import torch

from arena.match.seating import LEAGUE, LEARNER, Seating, against, training_seating
from arena.match.seeds import decision_seed
from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout
from arena_agents import Agent
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError

METRIC = "league/"
PAST = "past:"
DECAY = 0.8  # of a win rate, each update that an opponent is met

Row = Mapping[str, float | int | None]


def pfsp_weight(win_rate: float, kind: str) -> float:
    """f(x), how much a past version is preferred that is beaten with probability x."""
    if kind == "hard":
        return (1 - win_rate) ** 2
    return win_rate * (1 - win_rate) if kind == "even" else 1.0


class League:
    """Who is in it, how the learner does against them, and whom it meets next."""

    def __init__(self, spec: GameSpec, config: MsgrpoConfig, folder: Path) -> None:
        """Raises UsageError for games of one open seat and for anchors that are not known."""
        if not spec.versus:
            raise UsageError(
                f"a league needs a game in which agents meet, and {spec.name} has one open seat; "
                "leave --opponents league out"
            )
        self.spec, self.config, self.folder = spec, config, folder
        self.agents: dict[str, Agent] = {name: make_agent(name) for name in config.anchors}
        self.win_rates: dict[str, float] = {}

    @property
    def past(self) -> list[str]:
        """The past versions, oldest first."""
        return sorted(name for name in self.agents if name.startswith(PAST))

    def is_due(self, step: int) -> bool:
        """Whether a copy of the policy joins after this update."""
        return step % self.config.league_every == 0

    def place(self, step: int) -> str:
        """Where in the run's folder the copy of this update belongs."""
        return f"{LEAGUE}/{_name(step)}"

    def take_in(self, step: int) -> None:
        """The copy of the policy after this update joins. Raises UsageError if it cannot be loaded."""
        self.agents[PAST + _name(step)] = make_agent(str(self.folder / _name(step)))

    def replay(self, rows: Iterable[Row]) -> None:
        """Go on after the updates whose metrics these are."""
        for row in rows:
            if row.get("kept_episodes") is not None and self.is_due(int(row["step"] or 0)):
                self.take_in(int(row["step"] or 0))
            for name, value in row.items():
                if name.startswith(METRIC) and value is not None:
                    self._met(name.removeprefix(METRIC), float(value))

    def seating(self, step: int) -> Seating:
        """Who sits where at each start state of this update."""
        mirror = training_seating(self.spec, LEAGUE)

        def seats(start: int) -> tuple[str, ...]:
            opponent = self.opponent(step, start)
            return mirror(start) if opponent == LEARNER else against(self.spec, opponent)(start)

        return seats

    def opponent(self, step: int, start: int) -> str:
        """Whom the learner meets at this start state: itself, an anchor, or a past version."""
        seed = decision_seed(self.config.seed, step, 5, start) % 2**63
        generator = torch.Generator().manual_seed(seed)
        kind = float(torch.rand((), generator=generator, dtype=torch.float64))
        if kind < self.config.league_latest:
            return LEARNER
        anchored = kind < self.config.league_latest + self.config.league_anchors
        if anchored or not self.past:
            names, weights = list(self.config.anchors), [1.0] * len(self.config.anchors)
        else:
            names = self.past
            weights = [pfsp_weight(self.win_rates.get(name, 0.5), self.config.pfsp) for name in names]
        return self._drawn(names, weights, generator) if names else LEARNER

    def _drawn(self, names: list[str], weights: list[float], generator: torch.Generator) -> str:
        shares = torch.tensor(weights if sum(weights) > 0 else [1.0] * len(names), dtype=torch.float64)
        return names[int(torch.multinomial(shares, 1, generator=generator))]

    def score(self, rollout: Rollout) -> dict[str, float | int | None]:
        """The learner's successes against each opponent that it met, by name, which the win rates take in."""
        found: dict[str, list[float]] = defaultdict(list)
        for trajectory in rollout.trajectories:
            for name in {*trajectory.players} & self.agents.keys():
                found[name].append(float(trajectory.success))
        means = {name: fmean(successes) for name, successes in sorted(found.items())}
        for name, mean in means.items():
            self._met(name, mean)
        return {METRIC + name: mean for name, mean in means.items()}

    def _met(self, name: str, success: float) -> None:
        self.win_rates[name] = DECAY * self.win_rates.get(name, 0.5) + (1 - DECAY) * success


def _name(step: int) -> str:
    return f"step-{step:06d}"
