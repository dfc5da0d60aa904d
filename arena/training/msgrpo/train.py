"""MS-GRPO with AAW episode sampling, from top to bottom.

    play G episodes from each of B start states     rollout.py
    A = (R − mean) / std within each group          advantage.py
    draw episodes with P ∝ exp(|A| / T_ep)          advantage.py, batch.py
    every step inherits its episode's advantage     batch.py
    one clipped policy-gradient update              loss.py, learner.py
    sync the engine to the policy, and prove it     sync.py
    look at held-out episodes; step back if it collapsed

Source: 'Reinforced Language Models for Sequential Decision Making', arXiv 2508.10839. Where ours
differs, or the paper is silent: AAW is not corrected for its draw unless `importance_correction` asks for
it, so the gradient is that of an objective in which large |A| weigh more: at T_ep = 1 about 1.34 times as
long, rewarding what was drawn while few episodes succeed and punishing it while most do; groups whose
returns are all equal are not trained on; steps with
equal tokens are read once (the same gradient); an update that is not finite or moves too far is
undone; the game's own randomness is shared within a group; the default is one optimiser step an
update, so that every sample is on-policy; where the engine has weights of its own, or the
model is in bfloat16, tokens are weighed by how the trainer's probabilities differ from the engine's.
"""

from __future__ import annotations

from pathlib import Path

import torch

from arena.machine.hardware import peak_memory
from arena.match.seating import training_seating
from arena.match.seeds import Split, decision_seed, episode_seed
from arena.training.clock import Clock
from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.language.rollout import Rollout, collect_together
from arena.training.language.training import LanguageTraining, Metrics, invalid_rate, scores
from arena.training.msgrpo.batch import choose_episodes, token_batch, with_trainer_logprobs
from arena.training.msgrpo.learner import STATS, Learner
from arena.training.reporter import Reporter
from arena.training.run_folder import RunFolder


def train_msgrpo(
    config: MsgrpoConfig,
    run: RunFolder,
    reporter: Reporter,
    *,
    template: Path | None = None,
    team: Team = SOLO,
) -> None:
    """Train `config.agent` on `config.game` in the run's folder, from its newest checkpoint if any.

    Raises UsageError for unknown games, agents or opponents and for unreadable checkpoints.
    """
    training = MsgrpoTraining(config, run, reporter, template, team)
    try:
        training.start()
        for step in range(training.step + 1, config.steps + 1):
            reporter.update(step, training.update(step))
            training.save()
    finally:
        training.close()
    reporter.note(f"best held-out return {training.guard.best:.3f} at step {training.guard.best_step}")


class MsgrpoTraining(LanguageTraining):
    """A run in progress: one update is a rollout, what is learned from it, and a look at the result."""

    config: MsgrpoConfig
    learner: Learner
    learner_kind = Learner

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
        with clock.phase("eval"):
            held_out = self.look()
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
            "tokens": tokens,
            "tokens_per_s": round(tokens / max(clock.seconds("rollout"), 1e-9), 1),
            "peak_memory": peak_memory(),
            "rollbacks": self.guard.rollbacks,
            **clock.row(),
        }
        self.run.log(row)
        return row

    def roll_out(self) -> Rollout:
        """G episodes from each of B start states that no evaluation uses."""
        config = self.config
        self.engine.wake()
        seeds = [episode_seed(Split.TRAIN, config.seed, self.step, b) for b in range(config.groups)]
        rollout = collect_together(
            self.team,
            self.spec,
            self.agents,
            seeds,
            training_seating(self.spec, config.opponents),
            repeats=config.group_size,
            format_penalty=config.format_penalty,
        )
        self.episodes += len(seeds) * config.group_size
        if rollout.failed_groups:
            self.reporter.note(
                f"step {self.step}: {rollout.failed_groups} groups left out, an episode in them failed"
            )
        return rollout

    def learn(self, rollout: Rollout) -> Metrics:
        """Draw episodes and update the policy; without anything to learn from, do nothing."""
        seed = decision_seed(self.config.seed, self.step, 1) % 2**63
        chosen = choose_episodes(rollout, self.config, torch.Generator().manual_seed(seed))
        nothing: Metrics = {"kept_episodes": len(chosen), **dict.fromkeys((*STATS, "engine_mismatch"))}
        if not chosen:
            return nothing
        batch = token_batch(chosen, self.config)
        if not (self.engine.shares_model and self.learner.reads_alike):
            trainer_UK = self.learner.logprobs(batch)
            batch, nothing["engine_mismatch"] = with_trainer_logprobs(
                batch, trainer_UK, self.config.mismatch_cap
            )
        stats = self.learner.update(batch, self.rate, self.step)
        if stats is None:
            self.reporter.note(f"step {self.step}: update undone (not finite, or KL above max_kl)")
            return nothing
        return nothing | stats
