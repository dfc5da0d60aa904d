"""Noticing a collapse on the held-out score, and deciding to step back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """What has been seen: the base policy's held-out return, the best, and how often we stepped back.

    `drop` is the share of the gain over the base whose loss is a collapse.
    """

    base: float
    best: float
    best_step: int
    drop: float
    rollbacks: int = 0

    def collapsed(self, held_out: float, noise: float) -> bool:
        """Whether this held-out return has lost `drop` of the gain, by more than two errors.

        `noise` is the standard error of a held-out return: chance alone is not taken for a collapse.
        """
        floor = self.best - self.drop * (self.best - self.base)
        return held_out < floor and self.best - held_out > 2 * noise

    @property
    def rate_scale(self) -> float:
        """Each step back halves the learning rate."""
        return 0.5**self.rollbacks
