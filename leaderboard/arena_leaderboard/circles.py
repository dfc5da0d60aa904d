"""What one number an agent cannot show: who goes round in a circle, and Nash averaging, which bears it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena_leaderboard.cycles import cycles, settled
from arena_leaderboard.head_to_head import HeadToHead
from arena_leaderboard.model.ratings import Fit
from arena_leaderboard.nash import Nash, nash_average


@dataclass(frozen=True, slots=True)
class Circles:
    """The cycles whose every win is settled, and the Nash average where there is one, or it is asked for."""

    cycles: tuple[tuple[str, ...], ...]
    nash: Nash | None

    def to_json(self) -> dict[str, Any]:
        """`{"cycles": [[agent…]…], "nash": {agent: {"mass": …, "share": …}} or null}`."""
        return {"cycles": [list(cycle) for cycle in self.cycles], "nash": self.nash and self.nash.to_json()}


def circles(found: HeadToHead, fit: Fit | None = None, *, asked: bool = False) -> Circles:
    """Those of all games together; who never met counts in the Nash average as rated in `fit`."""
    named = tuple(cycles(settled(found)))
    nash = nash_average(found.agents, found.overall, fit) if found.agents and (named or asked) else None
    return Circles(named, nash)
