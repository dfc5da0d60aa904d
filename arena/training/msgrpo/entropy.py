"""An entropy bonus that adapts itself: it is paid while the policy's entropy is below a target.

    α_k = c_k · 1[e_k ≤ target],   c_{k+1} = max(0, c_k + Δ) if e_k < target, else max(0, c_k − Δ),   c_1 = 0

e_k is the entropy in nats a token that the last update measured. Source: Skywork-OR1, arXiv 2505.22312.
The bonus itself is in loss.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class EntropyTarget:
    """The controller's state: c, and the last entropy that was measured, if one was."""

    target: float
    step: float
    weight: float = 0.0
    entropy: float | None = None

    @property
    def coefficient(self) -> float:
        """α of the next update."""
        return self.weight if self.entropy is not None and self.entropy <= self.target else 0.0

    def after(self, entropy: float | None) -> EntropyTarget:
        """The state after an update that measured this entropy; none was made if it is None."""
        if entropy is None:
            return self
        moved = self.weight + (self.step if entropy < self.target else -self.step)
        return replace(self, weight=max(0.0, moved), entropy=entropy)

    def replayed(self, rows: Iterable[Mapping[str, float | int | None]]) -> EntropyTarget:
        """The state after the updates whose metrics these are: it follows from them alone."""
        state = self
        for row in rows:
            state = state.after(row.get("entropy"))
        return state
