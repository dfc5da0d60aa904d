"""The policy that is taught, and one step towards its teacher."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from arena.training.language.learner import PolicyLearner
from arena.training.language.sequences import Sequences
from arena.training.sft.config import SftConfig

STATS = ("loss", "entropy", "grad_norm")


class SftLearner(PolicyLearner):
    """Learns replies by heart: the loss is the mean of −log π(token) over all of their tokens."""

    config: SftConfig

    def update(self, texts: Sequences, decisions: Sequence[int], rate: float) -> dict[str, float] | None:
        """One optimiser step on `decisions`, indices of `texts`; one that repeats is read once.

        Returns `loss` and `entropy` in nats a token, and `grad_norm`; None, and nothing changed, if the
        gradient is not finite.
        """
        times = Counter(decisions)
        tokens = sum(count * len(texts.replies[example]) for example, count in times.items())
        self.set_rate(rate)
        stats = self.step(texts, sorted(times), lambda chunk: self._loss(texts, chunk, times, tokens), STATS)
        self.trained.optimizer.zero_grad()  # gives the gradients' memory to whoever plays
        return stats

    def _loss(
        self, texts: Sequences, examples: list[int], times: Mapping[int, int], tokens: int
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The part of the loss that these examples make up, and its statistics."""
        logprobs_UK, entropy_UK = self.read(texts, examples)
        lengths_U1 = torch.tensor([[len(texts.replies[e])] for e in examples])
        times_U1 = torch.tensor([[float(times[e])] for e in examples])
        real_UK = torch.arange(logprobs_UK.shape[1]) < lengths_U1
        weights_UK = (times_U1 * real_UK / tokens).to(logprobs_UK.device)
        loss = -(weights_UK * logprobs_UK).sum()
        return loss, {"loss": loss.detach(), "entropy": (weights_UK * entropy_UK).sum()}
