"""An MS-GRPO run in progress: what one update does, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from arena.machine.hardware import peak_memory
from arena.match.seeds import decision_seed
from arena.training.clock import Clock
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.language.training import Metrics, invalid_rate, scores
from arena.training.msgrpo.ahead import updates_behind
from arena.training.msgrpo.baseline import SeatBaselines
from arena.training.msgrpo.batch import TokenBatch, token_batch
from arena.training.msgrpo.credit import peer_share, state_key
from arena.training.msgrpo.critic import Critic
from arena.training.msgrpo.diagnosis import likeliest_cause
from arena.training.msgrpo.entropy import EntropyTarget
from arena.training.msgrpo.episodes import choose_episodes, credit_rollout, mean_kept_advantage
from arena.training.msgrpo.learner import STATS, Learner
from arena.training.msgrpo.mismatch import masked_share, with_trainer_logprobs
from arena.training.msgrpo.refill import first_informative
from arena.training.msgrpo.rollouts import RolloutTraining
from arena.training.msgrpo.sample import Chosen, sample_episodes
from arena.training.msgrpo.signs import signs
from arena.training.sampled import SampledEpisode

MISMATCH = ("engine_mismatch", "masked")


class MsgrpoTraining(RolloutTraining):
    """A run in progress: one update is a rollout, what is learned from it, and a look at the result."""

    learner: Learner
    learner_kind = Learner
    seats: SeatBaselines
    entropy: EntropyTarget | None = None
    critic: Critic | None = None
    sampled: Sequence[SampledEpisode] = ()

    def start(self) -> None:
        """As every trainer starts; what else is learned goes on from what was logged and stored."""
        config = self.config
        if config.credit == "turn_gae":
            self.critic = Critic(
                discount=config.discount,
                decay=config.gae_decay,
                rate=config.critic_rate,
                scale=config.advantage_scale,
                seed=config.seed,
            )
        super().start()
        rows = [row for row in self.run.metrics() if row["step"] <= self.step]
        self.seats = SeatBaselines.logged(config.baseline_decay, rows[-1] if rows else {})
        if config.entropy_target is not None:
            self.entropy = EntropyTarget(config.entropy_target, config.entropy_step).replayed(rows)

    def save_beside(self, folder: Path) -> None:
        if self.critic is not None:
            self.critic.save(folder)

    def load_beside(self, folder: Path) -> None:
        if self.critic is not None:
            self.critic.load(folder)

    def update(self, step: int) -> Metrics:
        """One update of the policy; returns the row that it logs."""
        clock, self.step = Clock(), step
        with clock.phase("rollout"):
            played = self.take_rollout()
            rollout = played.rollout
        with clock.phase("update"):
            self.engine.sleep()
            learned = self.learn(rollout)
        with clock.phase("rollout"):
            self.ahead.wait()
        with clock.phase("sync"):
            probe = self.sync_engine()
        steps_back = self.guard.rollbacks
        with clock.phase("eval"):
            held_out = self.look()
        others = self.met(rollout, clock)
        self.seconds += clock.total
        tokens = sum(len(s.reply.sample.token_ids) for s in rollout.steps if s.reply.sample)
        row: Metrics = {
            "step": step,
            "episodes": self.episodes,
            "seconds": round(self.seconds, 3),
            **scores("train", rollout),
            **held_out,
            **learned,
            **probe,
            "invalid_rate": invalid_rate(rollout),
            **signs(rollout),
            **self._peers(rollout),
            **others,
            "tokens": tokens,
            "tokens_per_s": round(tokens / max(played.seconds, 1e-9), 1),
            "peak_memory": peak_memory(),
            "rollbacks": self.guard.rollbacks,
            **clock.row(),
        }
        self.run.log_episodes(self.sampled)
        self.run.log(row)
        if self.guard.rollbacks > steps_back:
            cause = likeliest_cause(self.run.metrics(), self.guard.best_step, self.spec.action_names)
            self.reporter.note(f"step {step}: likeliest cause: {cause}")
        return row

    def met(self, rollout: Rollout, clock: Clock) -> Metrics:
        """What there is to log of those whom the policy has met."""
        return {}

    def learn(self, rollout: Rollout) -> Metrics:
        """Draw episodes and update the policy; without anything to learn from, do nothing."""
        if self.config.refill:
            rollout = first_informative(rollout, self.wanted)
        chosen, learned = self._choose(rollout)
        learned |= {"kept_episodes": len(chosen), **dict.fromkeys((*STATS, *MISMATCH))}
        self.sampled = self._sample(rollout, chosen)
        behind = 0
        if self.config.staleness:
            behind = learned["staleness"] = updates_behind(rollout, self.step)
        if not chosen:
            return learned
        batch = token_batch(chosen, self.config)
        if behind or not (self.engine.shares_model and self.learner.reads_alike):
            batch, apart = with_trainer_logprobs(
                batch,
                self.learner.logprobs(batch),
                self.config.mismatch_cap,
                floor=self.config.mismatch_floor,
                how=self.config.mismatch,
            )
            learned |= {"off_policy" if behind else "engine_mismatch": apart, "masked": masked_share(batch)}
        stats = self._updated(batch)
        if stats is None:
            self.reporter.note(f"step {self.step}: update undone (not finite, or KL above max_kl)")
            return learned
        return learned | stats

    def _sample(self, rollout: Rollout, chosen: Chosen) -> list[SampledEpisode]:
        """What is kept of this update's episodes to be looked at: of the first, and where there is a look."""
        if self.step > 1 and not self.due(self.config.eval_every):
            return []
        return sample_episodes(
            *(rollout, chosen, self.step),
            spec=self.spec,
            config=self.config,
            tokenizer=self.agent.tokenizer,
            logprobs=self.learner.logprobs,
        )

    def _choose(self, rollout: Rollout) -> tuple[list[tuple[Trajectory, list[float]]], Metrics]:
        """The trajectories to train on, with their steps' advantages, and what there is to log of them."""
        config, key = self.config, state_key(self.spec)
        if not rollout.groups:
            return [], self.seats.metrics()
        seats = self.seats if config.baseline == "seat_ema" else None
        credited = credit_rollout(rollout, config, key, seats, self.critic)
        logged: Metrics = self.seats.metrics()
        if self.critic is not None:
            logged["critic_loss"] = self.critic.loss
        seed = decision_seed(config.seed, self.step, 1) % 2**63
        chosen = choose_episodes(rollout, config, torch.Generator().manual_seed(seed), credited)
        logged["mean_kept_advantage"] = mean_kept_advantage(rollout, credited, chosen)
        return chosen, logged

    def _peers(self, rollout: Rollout) -> Metrics:
        """The share of steps that a credit by states can compare, where one is used."""
        by_state = self.config.credit in ("step_group", "gigpo")
        return {"step_peers": peer_share(rollout.groups, state_key(self.spec))} if by_state else {}

    def _updated(self, batch: TokenBatch) -> dict[str, float] | None:
        """The learner's statistics after its update, with the entropy bonus that is due; None if undone."""
        if self.entropy is None:
            return self.learner.update(batch, self.rate, self.step)
        due = self.entropy.coefficient
        self.learner.objective = replace(self.learner.objective, entropy=due)
        stats = self.learner.update(batch, self.rate, self.step)
        if stats is None:
            return None
        self.entropy = self.entropy.after(stats["entropy"])
        return stats | {"entropy_coef": due}
