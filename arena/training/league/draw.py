"""The opponents of a learner: who there is, how it does against each, whom it meets next.

All of it follows from the seed and from what was logged, so that a run can be resumed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import torch

from arena.match.seating import LEAGUE, LEARNER, Seating, against, training_seating
from arena.match.seeds import decision_seed
from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout
from arena.training.league.mix import Mix, pool_weights
from arena_games.base import GameSpec

MET = "league/"  # a row's share of points against NAME in training
RATED = "payoff/"  # and in the matches that rate a version as it enters
DECAY = 0.8  # of a win rate, each update that an opponent is met
STREAM = 5  # of the draws' own random numbers

Row = Mapping[str, float | int | None]


@dataclass(slots=True)
class Opponents:
    """The names of those that may be met. `latest` stand beside the learner itself: other members' newest."""

    anchors: Sequence[str] = ()
    pool: list[str] = field(default_factory=list)
    latest: Sequence[str] = ()

    @property
    def everyone(self) -> set[str]:
        return {*self.anchors, *self.pool, *self.latest}


class Draw:
    """Draws opponents for the start states of an update, by the mix and by the win rates so far."""

    def __init__(self, spec: GameSpec, config: MsgrpoConfig, opponents: Opponents) -> None:
        self.spec, self.config, self.opponents = spec, config, opponents
        self.mix = Mix.parse(config.league_mix)
        self.win_rates: dict[str, float] = {}

    def seating(self, step: int) -> Seating:
        """Who sits where at each start state of this update."""
        frozen = self.config.frozen_seats
        mirror = training_seating(self.spec, LEAGUE, frozen)

        def seats(start: int) -> tuple[str, ...]:
            opponent = self.opponent(step, start)
            return mirror(start) if opponent == LEARNER else against(self.spec, opponent, frozen)(start)

        return seats

    def opponent(self, step: int, start: int) -> str:
        """Whom the learner meets at this start state. Where there are none of a kind, another stands in."""
        seed = decision_seed(self.config.seed, step, STREAM, start) % 2**63
        generator = torch.Generator().manual_seed(seed)
        kind = float(torch.rand((), generator=generator, dtype=torch.float64))
        known = self.opponents
        if kind < self.mix.latest:
            names: list[str] = [LEARNER, *known.latest]
            return _drawn(names, [1.0] * len(names), generator)
        pooled = kind < self.mix.latest + self.mix.pool
        names = list(known.pool if (pooled and known.pool) or not known.anchors else known.anchors)
        if not names:
            return LEARNER
        return _drawn(names, pool_weights(names, self.win_rates, self.config.pfsp), generator)

    def score(self, rollout: Rollout) -> dict[str, float | int | None]:
        """The learner's share of points against each whom it met, by name; the win rates take it in."""
        found: dict[str, list[float]] = defaultdict(list)
        for trajectory in rollout.trajectories:
            for name in {*trajectory.players} & self.opponents.everyone:
                found[name].append(trajectory.ahead)
        row: dict[str, float | int | None] = {
            MET + name: fmean(shares) for name, shares in sorted(found.items())
        }
        self.take_in(row)
        return row

    def take_in(self, row: Row) -> None:
        """What was logged in an update: games of training move a win rate, those of an entry set it."""
        for name, share in _shares(row, MET):
            self.win_rates[name] = DECAY * self.win_rates.get(name, 0.5) + (1 - DECAY) * share
        self.win_rates |= dict(_shares(row, RATED))


def _shares(row: Row, prefix: str) -> Iterable[tuple[str, float]]:
    for name, value in row.items():
        if name.startswith(prefix) and value is not None:
            yield name.removeprefix(prefix), float(value)


def _drawn(names: Sequence[str], weights: Sequence[float], generator: torch.Generator) -> str:
    shares = torch.tensor(weights, dtype=torch.float64)
    return names[int(torch.multinomial(shares, 1, generator=generator))]
