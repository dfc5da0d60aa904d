"""An MS-GRPO run in progress: what one update does, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from arena.machine.hardware import peak_memory
from arena.match.seating import Seating, check_frozen, held_out_seating, training_seating
from arena.match.seeds import Split, decision_seed, episode_seed
from arena.training.clock import Clock
from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.language.rollout import Rollout, Trajectory, collect_together
from arena.training.language.training import (
    LanguageTraining,
    Metrics,
    invalid_rate,
    scores,
)
from arena.training.league.place import NOTHING_AROUND, Around
from arena.training.msgrpo.baseline import SeatBaselines
from arena.training.msgrpo.batch import TokenBatch, token_batch
from arena.training.msgrpo.credit import peer_share, state_key
from arena.training.msgrpo.critic import Critic
from arena.training.msgrpo.diagnosis import likeliest_cause
from arena.training.msgrpo.entropy import EntropyTarget
from arena.training.msgrpo.episodes import choose_episodes, credit_rollout, mean_kept_advantage
from arena.training.msgrpo.learner import STATS, Learner
from arena.training.msgrpo.mismatch import masked_share, with_trainer_logprobs
from arena.training.msgrpo.refill import first_informative, play_until_informative
from arena.training.msgrpo.sample import Chosen, sample_episodes
from arena.training.msgrpo.signs import signs
from arena.training.reporter import Reporter
from arena.training.run_folder import RunFolder
from arena.training.sampled import SampledEpisode
from arena_agents.language.template import PromptTemplate

MISMATCH = ("engine_mismatch", "masked")


class MsgrpoTraining(LanguageTraining):
    """A run in progress: one update is a rollout, what is learned from it, and a look at the result."""

    config: MsgrpoConfig
    learner: Learner
    learner_kind = Learner
    seats: SeatBaselines
    entropy: EntropyTarget | None = None
    critic: Critic | None = None
    sampled: Sequence[SampledEpisode] = ()

    def __init__(
        self,
        config: MsgrpoConfig,
        run: RunFolder,
        reporter: Reporter,
        template: Path | None,
        team: Team = SOLO,
        around: Around = NOTHING_AROUND,
    ) -> None:
        self.around = around
        super().__init__(config, run, reporter, template, team)

    def before_loading(self, template: PromptTemplate) -> None:
        check_frozen(self.spec, self.config.frozen_seats)

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

    @property
    def pauses(self) -> bool:
        """Whether this is as far as it goes for now."""
        if self.step == self.config.steps:
            return False
        hours, until = self.config.hours, self.around.until
        return self.step == until or (hours is not None and self.seconds > 3600 * hours)

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
            rollout = self.roll_out()
        with clock.phase("update"):
            self.engine.sleep()
            learned = self.learn(rollout)
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
            "tokens_per_s": round(tokens / max(clock.seconds("rollout"), 1e-9), 1),
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

    def roll_out(self) -> Rollout:
        """G episodes from each of B start states that no evaluation uses, and of more where `refill` asks."""
        self.engine.wake()
        rollout, self.wanted = play_until_informative(self._play, self.config.groups, self.config.refill)
        if rollout.failed_groups:
            self.reporter.note(
                f"step {self.step}: {rollout.failed_groups} groups left out, an episode in them failed"
            )
        return rollout

    def _play(self, starts: range) -> Rollout:
        """G episodes from each of these start states of this step."""
        config, seating = self.config, self.seating()
        self.episodes += len(starts) * config.group_size
        return collect_together(
            self.team,
            self.spec,
            self.agents,
            [episode_seed(Split.TRAIN, config.seed, self.step, b) for b in starts],
            lambda start: seating(starts[start]),
            repeats=config.group_size,
            format_penalty=config.format_penalty,
            by_place=config.reward == "place",
            frozen=config.frozen_seats,
        )

    def seating(self) -> Seating:
        """Who sits where in the episodes from each of this step's start states."""
        return training_seating(self.spec, self.config.opponents, self.config.frozen_seats)

    def held_out_seating(self) -> Seating:
        return held_out_seating(self.spec, self.config.opponents, self.config.frozen_seats)

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
        if not chosen:
            return learned
        batch = token_batch(chosen, self.config)
        if not (self.engine.shares_model and self.learner.reads_alike):
            batch, learned["engine_mismatch"] = with_trainer_logprobs(
                batch,
                self.learner.logprobs(batch),
                self.config.mismatch_cap,
                floor=self.config.mismatch_floor,
                how=self.config.mismatch,
            )
            learned["masked"] = masked_share(batch)
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
