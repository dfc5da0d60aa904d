"""What an episode's return is compared with: its group, the others of its group, or its seat's past.

    group          A = R − mean_G R                          GRPO, arXiv 2402.03300 (advantage.py)
    leave_one_out  A_j = R_j − mean_{i≠j} R_i                RLOO, arXiv 2402.14740
    seat_ema       A = R − b_seat,  b ← α b + (1 − α) R      RAE of SPIRAL, arXiv 2506.24119

Each is divided by a standard deviation with `advantage_scale=std`: of the group, or of the seat's episodes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.advantage import EPSILON, group_advantages

METRIC = "baseline/seat_"


def leave_one_out_advantages(returns_BG: Tensor, *, scale: str = "std") -> Tensor:
    """Advantages (B, G) against the mean of the *other* G − 1 episodes of the group.

    A_j = R_j − Σ_{i≠j} R_i / (G − 1) (RLOO, arXiv 2402.14740), which is G/(G − 1) times the distance from the
    group's mean; `scale` as of `group_advantages`. Raises ValueError for groups of one.
    """
    size = returns_BG.shape[1]
    if size < 2:
        raise ValueError("a group of one has no others to be compared with")
    return group_advantages(returns_BG, scale=scale) * (size / (size - 1))


class SeatBaselines:
    """A running mean of the returns by seat (RAE of SPIRAL, arXiv 2506.24119).

    Games are often easier for one seat, and a seat needs no siblings for this: groups may be of one. An
    episode is compared with what was known before its rollout, so the baseline stays independent of it.
    A seat's first rollout is compared with its own mean.
    """

    def __init__(self, decay: float, means: Mapping[int, float] | None = None) -> None:
        self.decay, self.means = decay, dict(means or {})

    @classmethod
    def logged(cls, decay: float, row: Mapping[str, float | int | None]) -> SeatBaselines:
        """As they were when this row of metrics was logged."""
        found = {int(name.removeprefix(METRIC)): value for name, value in row.items() if METRIC in name}
        return cls(decay, {seat: float(value) for seat, value in found.items() if value is not None})

    def metrics(self) -> dict[str, float | int | None]:
        """The seats' means, by name."""
        return {f"{METRIC}{seat}": mean for seat, mean in sorted(self.means.items())}

    def advantages(self, rollout: Rollout, *, scale: str = "std") -> Tensor:
        """Advantages (B, G), float64, by the baselines so far, which then take this rollout in."""
        returns_BG = rollout.returns_BG()
        seats = [_seat(group) for group in rollout.groups]
        advantages_BG = torch.empty_like(returns_BG)
        for seat in sorted(set(seats)):
            own = torch.tensor([other == seat for other in seats])
            before = self.means.get(seat, float(returns_BG[own].mean()))
            centred = returns_BG[own] - before
            spread = centred.std(correction=0) + EPSILON if scale == "std" else 1.0
            advantages_BG[own] = centred / spread
            self._take_in(seat, before, returns_BG[own])
        return advantages_BG

    def _take_in(self, seat: int, before: float, returns: Tensor) -> None:
        for value in returns.flatten().tolist():
            before = self.decay * before + (1 - self.decay) * value
        self.means[seat] = before


def _seat(group: tuple[Trajectory, ...]) -> int:
    """The seat that a group shares; 0 where nobody in it made a move."""
    return next((step.seat for trajectory in group for step in trajectory.steps), 0)


def episode_advantages(rollout: Rollout, config: MsgrpoConfig, seats: SeatBaselines | None) -> Tensor:
    """Advantages (B, G) of a rollout's episodes by the config's baseline; `seat_ema` needs `seats`."""
    if config.baseline == "seat_ema":
        if seats is None:
            raise ValueError("baseline=seat_ema needs the seats' baselines so far")
        return seats.advantages(rollout, scale=config.advantage_scale)
    compared = leave_one_out_advantages if config.baseline == "leave_one_out" else group_advantages
    return compared(rollout.returns_BG(), scale=config.advantage_scale)
