"""MS-GRPO with AAW episode sampling, from top to bottom; training.py does one update, phase by phase.

    play G episodes from each of B start states     rollout.py, refill.py, ahead.py
    A = (R − mean) / std within each group          advantage.py, baseline.py
    every step inherits its episode's advantage     credit.py, critic.py
    draw episodes with P ∝ exp(|A| / T_ep)          advantage.py, episodes.py
    their steps as tokens                           batch.py, mismatch.py
    one clipped policy-gradient update              loss.py, learner.py
    sync the engine to the policy, and prove it     sync.py
    a copy of it enters its league, rated           league.py, training/league
    look at held-out episodes; step back if it collapsed, and say why      diagnosis.py

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

from arena.match.seating import LEAGUE
from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.league.place import NOTHING_AROUND, Around
from arena.training.msgrpo.diagnosis import ended_flat, likeliest_cause
from arena.training.msgrpo.league import LeagueTraining
from arena.training.msgrpo.training import MsgrpoTraining
from arena.training.reporter import Reporter
from arena.training.run_folder import RunFolder


def train_msgrpo(
    config: MsgrpoConfig,
    run: RunFolder,
    reporter: Reporter,
    *,
    template: Path | None = None,
    team: Team = SOLO,
    around: Around = NOTHING_AROUND,
) -> None:
    """Train `config.agent` on `config.game` in the run's folder, from its newest checkpoint if any.

    Raises UsageError for unknown games, agents or opponents and for unreadable checkpoints.
    """
    kind = LeagueTraining if config.opponents == LEAGUE else MsgrpoTraining
    training = kind(config, run, reporter, template, team, around)
    try:
        training.start()
        for step in range(training.step + 1, config.steps + 1):
            reporter.update(step, training.update(step))
            training.save(now=training.pauses)
            if training.pauses:
                break
    finally:
        training.close()
    if training.step < config.steps:
        if around.until is None:
            reporter.note(f"paused at step {training.step} after {config.hours:g} hours; --resume goes on")
        return
    if ended_flat(rows := run.metrics()):
        cause = likeliest_cause(rows, 0, training.spec.action_names)
        reporter.note(f"ended no better than it began; likeliest cause: {cause}")
    best = training.guard.best
    what = (
        f"rating in the league {best:,.0f}" if config.opponents == LEAGUE else f"held-out return {best:.3f}"
    )
    reporter.note(f"best {what} at step {training.guard.best_step}")
