"""MS-GRPO with AAW episode sampling, from top to bottom.

    play G episodes from each of B start states     rollout.py
    A = (R − mean) / std within each group          advantage.py
    draw episodes with P ∝ exp(|A| / T_ep)          advantage.py, batch.py
    every step inherits its episode's advantage     batch.py
    one clipped policy-gradient update              loss.py, learner.py
    sync the engine to the policy, and prove it     sync.py
    look at held-out episodes; step back if it collapsed

Source: 'Reinforced Language Models for Sequential Decision Making', arXiv 2508.10839. Where ours
differs, or the paper is silent: groups whose returns are all equal are not trained on; steps with
equal tokens are read once (the same gradient); an update that is not finite or moves too far is
undone; the game's own randomness is shared within a group; the default is one optimiser step an
update, so that every sample is on-policy; where the engine has weights of its own, tokens are
weighed by how the trainer's probabilities differ from the engine's.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch

from arena.machine.hardware import peak_memory
from arena.match.seating import LEARNER, held_out_seating, opponent_agents, training_seating
from arena.match.seeds import Split, decision_seed, episode_seed
from arena.training.clock import Clock
from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.distributed.weights import Snapshot
from arena.training.memory.estimate import weights_dtype
from arena.training.memory.fit import check_memory
from arena.training.msgrpo.batch import choose_episodes, token_batch, with_trainer_logprobs
from arena.training.msgrpo.checkpoint import Progress, load_checkpoint, save_checkpoint, save_policy
from arena.training.msgrpo.engine import training_engine
from arena.training.msgrpo.guard import Guard
from arena.training.msgrpo.learner import STATS, Learner
from arena.training.msgrpo.rollout import Rollout, collect_together
from arena.training.msgrpo.sync import PolicySync
from arena.training.reporter import Reporter
from arena.training.run_folder import RunFolder
from arena_agents.base import Sampling
from arena_agents.causal_lm.load import default_device, load_model
from arena_agents.language.agent import LanguageAgent
from arena_agents.language.template import load_template
from arena_agents.presets import model_source
from arena_games.base import GameSpec
from arena_games.registry import find_game

Metrics = dict[str, float | int | None]


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
            if step % config.checkpoint_every == 0 or step == config.steps:
                training.save()
    finally:
        training.engine.close()
        training.sync.close()
    reporter.note(f"best held-out return {training.guard.best:.3f} at step {training.guard.best_step}")


class MsgrpoTraining:
    """A run in progress: what a checkpoint holds, and one method a phase."""

    def __init__(
        self,
        config: MsgrpoConfig,
        run: RunFolder,
        reporter: Reporter,
        template: Path | None,
        team: Team = SOLO,
    ) -> None:
        self.config, self.run, self.reporter, self.team = config, run, reporter, team
        self.spec: GameSpec = find_game(config.game)
        source = model_source(config.agent)
        check_memory(config, team)
        device = default_device()
        model, tokenizer = load_model(
            source,
            dtype=weights_dtype(config, device.type),
            device=torch.device("cpu") if team.sharded else device,
        )
        self.learner = Learner(model, config, tokenizer.pad_token_id or 0, team)
        self.engine = training_engine(self.learner, tokenizer, reporter.note)
        sampling = Sampling(
            temperature=config.temperature, max_new_tokens=config.max_new_tokens, decode=config.decode
        )
        self.agent = LanguageAgent(self.engine, tokenizer, load_template(template), sampling)
        self.sync = PolicySync(self.agent, self.learner, self.spec, run.path)
        self.agents = {LEARNER: self.agent, **opponent_agents(self.spec, config.opponents)}
        self.step = self.episodes = 0
        self.seconds = 0.0
        self.guard: Guard
        self.best: Snapshot

    def start(self) -> None:
        """Continue from the newest checkpoint, or measure the base policy and begin."""
        found = self.run.latest_checkpoint()
        if found is None:
            self.run.rewind(-1)
            self._sync_engine()
            self._begin()
        else:
            progress, self.best = load_checkpoint(found[1], self.learner.trained)
            self.step, self.episodes, self.seconds = progress.step, progress.episodes, progress.seconds
            self.guard = progress.guard
            self.run.rewind(self.step)
            self._sync_engine()

    def _begin(self) -> None:
        clock = Clock()
        with clock.phase("eval"):
            held_out = self.evaluate()
        base = float(held_out.returns_BG().mean())
        self.guard = Guard(base, base, 0, self.config.collapse_drop)
        self.best = self.learner.trained.snapshot()
        self.seconds = clock.total
        self.run.log(
            {"step": 0, "episodes": 0, "seconds": round(self.seconds, 3), **_scores("eval", held_out)}
        )
        self._save_policy("best")

    def update(self, step: int) -> Metrics:
        """One update of the policy; returns the row that it logs."""
        clock, self.step = Clock(), step
        with clock.phase("rollout"):
            rollout = self.roll_out()
        with clock.phase("update"):
            self.engine.sleep()
            learned = self.learn(rollout)
        with clock.phase("sync"):
            probe = self._sync_engine()
        with clock.phase("eval"):
            due = step % self.config.eval_every == 0 or step == self.config.steps
            held_out = self._look() if due else {"eval/return": None, "eval/success": None}
        self.seconds += clock.total
        tokens = sum(len(s.reply.sample.token_ids) for s in rollout.steps if s.reply.sample)
        row: Metrics = {
            "step": step,
            "episodes": self.episodes,
            "seconds": round(self.seconds, 3),
            **_scores("train", rollout),
            **held_out,
            **learned,
            **probe,
            "invalid_rate": _mean([float(s.invalid is not None) for s in rollout.steps]),
            "tokens": tokens,
            "tokens_per_s": round(tokens / max(clock.seconds("rollout"), 1e-9), 1),
            "peak_memory": peak_memory(),
            "rollbacks": self.guard.rollbacks,
            **clock.row(),
        }
        self.run.log(row)
        return row

    def _sync_engine(self) -> Metrics:
        """Let the engine play the policy as it is now."""
        self.engine.wake()
        return self.sync.push(self.step)

    def roll_out(self) -> Rollout:
        """G episodes from each of B start states that no evaluation uses."""
        config = self.config
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
        if not self.engine.shares_model:
            trainer_UK = self.learner.logprobs(batch)
            batch, nothing["engine_mismatch"] = with_trainer_logprobs(
                batch, trainer_UK, self.config.mismatch_cap
            )
        stats = self.learner.update(batch, self.rate, self.step)
        if stats is None:
            self.reporter.note(f"step {self.step}: update undone (not finite, or KL above max_kl)")
            return nothing
        return nothing | stats

    @property
    def rate(self) -> float:
        """The learning rate: a linear rise, then a linear fall to `final_rate` of it."""
        config = self.config
        rise = min(1.0, self.step / max(config.warmup, 1))
        fall = 1.0 + (config.final_rate - 1.0) * self.step / config.steps
        return config.learning_rate * rise * fall * self.guard.rate_scale

    def evaluate(self) -> Rollout:
        """The same held-out episodes each time, with the opponents of training."""
        seeds = [episode_seed(Split.VALIDATION, 0, i) for i in range(self.config.eval_episodes)]
        seating = held_out_seating(self.spec, self.config.opponents)
        return collect_together(self.team, self.spec, self.agents, seeds, seating)

    def _look(self) -> Metrics:
        """Evaluate; keep the policy if it is the best, step back to the best if it collapsed."""
        held_out = self.evaluate()
        returns = held_out.returns_BG().flatten()
        score, noise = float(returns.mean()), float(returns.std()) / math.sqrt(len(returns))
        if score >= self.guard.best:  # of equals the later one: it has seen more
            self.guard = replace(self.guard, best=score, best_step=self.step)
            self.best = self.learner.trained.snapshot()
            self._save_policy("best")
        elif self.guard.collapsed(score, noise):
            self.engine.sleep()
            self.learner.trained.restore(self.best)
            self._sync_engine()
            self.guard = replace(self.guard, rollbacks=self.guard.rollbacks + 1)
            self.reporter.note(
                f"step {self.step}: held-out return fell to {score:.2f} from {self.guard.best:.2f}; "
                f"stepped back to the policy of step {self.guard.best_step}, learning rate halved"
            )
        return _scores("eval", held_out)

    def save(self) -> None:
        """A checkpoint to resume from; at the end of the run, the policy as it is."""
        progress = Progress(self.step, self.episodes, self.seconds, self.guard)
        trained, is_main = self.learner.trained, self.team.is_main
        current = trained.gathered(trained.snapshot(), keep=is_main)
        best = trained.gathered(self.best, keep=is_main)
        self.run.save_checkpoint(self.step, lambda folder: save_checkpoint(folder, current, best, progress))
        if self.step == self.config.steps:
            self._save_policy("last")

    def _save_policy(self, name: str) -> None:
        weights = self.learner.trained.whole(keep=self.team.is_main)
        self.run.save_policy(name, lambda folder: save_policy(folder, self.agent, self.learner, weights))


def _scores(split: str, rollout: Rollout) -> dict[str, float | int | None]:
    trajectories = rollout.trajectories
    return {
        f"{split}/return": _mean([t.total for t in trajectories]),
        f"{split}/success": _mean([float(t.success) for t in trajectories]),
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
