"""The learner of double DQN: networks, optimiser, and one update."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from arena.training.dqn.config import DqnConfig
from arena.training.dqn.replay_buffer import Batch
from arena_agents.dqn.agent import DqnPolicy, greedy_actions


def double_dqn_targets(batch: Batch, online_MA: Tensor, target_MA: Tensor) -> Tensor:
    """y = R⁽ⁿ⁾ + γⁿ · Q_target(s', argmax_{legal a} Q_online(s', a)), (B,): van Hasselt 2016, eq. (4).

    `online_MA` and `target_MA` are the two networks' values of the next states, where there is one.
    """
    best_M = greedy_actions(online_MA, batch.next_legal_MA)
    worth_M = target_MA.gather(1, best_M[:, None])[:, 0]
    return batch.returns_B.index_add(0, batch.onward_M, worth_M, alpha=batch.discount)


@dataclass(frozen=True, slots=True)
class UpdateStats:
    """Means over updates: the Huber loss, and the values of the actions that were taken."""

    loss: float
    q_mean: float


class Learner:
    """The policy that learns, its slow copy, and the optimiser."""

    def __init__(self, policy: DqnPolicy, target: DqnPolicy, config: DqnConfig) -> None:
        self.policy, self.target, self.config = policy, target, config
        self.updates = 0
        self.optimiser = torch.optim.AdamW(
            policy.network.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._sync()

    def learn(self, batches: Iterable[Batch], rate: float) -> UpdateStats:
        """One optimiser step a batch, at this learning rate."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        seen = [self._update(batch) for batch in batches]
        losses, means = torch.stack([one for one, _ in seen]), torch.stack([two for _, two in seen])
        return UpdateStats(float(losses.mean()), float(means.mean()))

    def _update(self, batch: Batch) -> tuple[Tensor, Tensor]:
        network = self.policy.network
        with torch.no_grad():
            targets_B = double_dqn_targets(
                batch, network(batch.next_windows_MN), self.target.network(batch.next_windows_MN)
            )
        values_B = network(batch.windows_BN).gather(1, batch.actions_B[:, None])[:, 0]
        loss = functional.smooth_l1_loss(values_B, targets_B)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), self.config.max_grad_norm, foreach=True)
        if norm.isfinite():
            self.optimiser.step()
        self.updates += 1
        if self.updates % self.config.target_every == 0:
            self._sync()
        return loss.detach(), values_B.detach().mean()

    def _sync(self) -> None:
        self.target.network.load_state_dict(self.policy.network.state_dict())
