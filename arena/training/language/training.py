"""A language policy's training in progress: what every trainer of one does between its updates.

Load the model and the engine, hand each new policy over, look at held-out episodes, keep the best
policy and step back to it after a collapse, write checkpoints and go on from them.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import torch

from arena.match.seating import LEARNER, Seating, held_out_seating, opponent_agents
from arena.match.seeds import Split, episode_seed
from arena.training.clock import Clock
from arena.training.config import LanguageConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.distributed.weights import Snapshot
from arena.training.language.checkpoint import Progress, load_checkpoint, save_checkpoint, save_policy
from arena.training.language.engine import training_engine
from arena.training.language.guard import Guard
from arena.training.language.learner import PolicyLearner
from arena.training.language.rollout import Rollout, collect_together
from arena.training.language.start import Start
from arena.training.language.sync import PolicySync
from arena.training.memory.estimate import weights_dtype
from arena.training.memory.fit import check_memory
from arena.training.reporter import Reporter
from arena.training.run_folder import RunFolder
from arena_agents.base import Sampling
from arena_agents.causal_lm.load import default_device, end_ids, load_model
from arena_agents.language.agent import LanguageAgent
from arena_agents.language.chat import found_chat
from arena_agents.language.template import PromptTemplate, load_template
from arena_games.base import GameSpec, UsageError
from arena_games.registry import find_game, remembering

Metrics = dict[str, float | int | None]


class LanguageTraining:
    """What a checkpoint holds, and a method a phase; a trainer adds its own kind of update.

    `learner_kind` makes the learner from the model; the rest of a trainer's needs follow from its config.
    """

    config: LanguageConfig
    learner: PolicyLearner
    learner_kind: type[PolicyLearner] = PolicyLearner

    def __init__(
        self,
        config: LanguageConfig,
        run: RunFolder,
        reporter: Reporter,
        template: Path | None,
        team: Team = SOLO,
    ) -> None:
        self.config, self.run, self.reporter, self.team = config, run, reporter, team
        self.step = self.episodes = 0
        self.seconds = 0.0
        self.spec: GameSpec = remembering(find_game(config.game), config.memory)
        start = Start.of(config, run.path)
        check_memory(config, team, start.source)
        # What a user may have mistyped, before a model is loaded, which takes minutes.
        words, opponents = load_template(template), opponent_agents(self.spec, config.opponents)
        self.before_loading(words)
        device = default_device()
        model, tokenizer = load_model(
            start.source,
            dtype=weights_dtype(config, device.type),
            device=torch.device("cpu") if team.sharded else device,
        )
        chat = (
            found_chat(tokenizer, config.agent, config.chat_template)
            if start.chat is None
            else start.chat.given(tokenizer, config.chat_template)
        )
        if self.spec.memory and not chat.appends(tokenizer):
            raise UsageError(
                "the model's chat template rewrites earlier turns, so they cannot be remembered as they were "
                "taken; --set memory=0"
            )
        self.learner = self.learner_kind(model, config, tokenizer.pad_token_id or 0, team, start)
        self.engine = training_engine(self.learner, tokenizer, reporter.note)
        ends = end_ids(model.generation_config, tokenizer)
        sampling = sampling_of(config)
        self.agent = LanguageAgent(self.engine, tokenizer, words, sampling, chat=chat, ends=ends)
        self.sync = PolicySync(self.agent, self.learner, self.spec, run.path)
        self.agents = {LEARNER: self.agent, **opponents}
        self.guard: Guard
        self.best: Snapshot

    def before_loading(self, template: PromptTemplate) -> None:
        """What else a trainer can find wanting before the model is loaded."""

    def start(self) -> None:
        """Continue from the newest checkpoint, or measure the policy as it is and begin."""
        found = self.run.latest_checkpoint(first=0)
        if found is None:
            self.run.rewind(-1)
            self.sync_engine()
            self._begin()
        else:
            self._go_on(found[1])
            self.sync_engine()

    def _go_on(self, checkpoint: Path) -> None:
        """Go back to a checkpoint, and make anew what it holds: the run may have been killed at any write."""
        trained = self.learner.trained
        progress, self.best = load_checkpoint(checkpoint, trained)
        self.load_beside(checkpoint)
        self.step, self.episodes, self.seconds = progress.step, progress.episodes, progress.seconds
        self.guard = progress.guard
        self.run.rewind(self.step)
        with trained.holding(self.best.weights):
            self._save_policy("best")
        if self.step == self.config.steps and not self.run.holds("last"):
            self._save_policy("last")

    def _begin(self) -> None:
        clock = Clock()
        with clock.phase("eval"):
            held_out = self.evaluate()
            further = self.confirm()
        returns = returns_of(held_out)
        if not returns:
            raise UsageError(f"{self._nothing_seen()}, so there is nothing to begin with; put that right")
        base = float(held_out.returns_BG().mean())
        best = fmean([*returns, *returns_of(further)]) if further.groups else base
        self.guard = Guard(base, best, 0, self.config.collapse_drop, best_returns=returns)
        self.best = self.learner.trained.snapshot()
        with clock.phase("begin"):
            begun = self.begun()
        self.seconds += clock.total
        self.run.log(
            {
                "step": 0,
                "episodes": self.episodes,
                "seconds": round(self.seconds, 3),
                **held_out_scores(held_out),
                **confirmed_scores(held_out, further),
                **begun,
            }
        )
        self._save_policy("best")

    def begun(self) -> Metrics:
        """What else a trainer does, and logs, before the first update."""
        return {}

    def close(self) -> None:
        """Let go of the engine, and delete what was handed over to it."""
        self.engine.close()
        self.sync.close()

    def sync_engine(self) -> Metrics:
        """Let the engine play the policy as it is now."""
        self.engine.wake()
        return self.sync.push(self.step)

    @property
    def rate(self) -> float:
        """The learning rate: a linear rise, then a linear fall to `final_rate` of it."""
        config = self.config
        rise = min(1.0, self.step / max(config.warmup, 1))
        fall = 1.0 + (config.final_rate - 1.0) * self.step / config.steps
        return config.learning_rate * rise * fall * self.guard.rate_scale

    def due(self, every: int) -> bool:
        """Whether what is done every so many steps is to be done after this one; always at the end."""
        return self.step % every == 0 or self.step == self.config.steps

    def evaluate(self) -> Rollout:
        """The same held-out episodes each time, with the opponents of training."""
        return self._validate(range(self.config.eval_episodes))

    def confirm(self) -> Rollout:
        """The further held-out episodes of a look that may be the best."""
        own = self.config.eval_episodes
        return self._validate(range(own, own + self.config.further_episodes))

    def _validate(self, episodes: range) -> Rollout:
        if not episodes:
            return NOT_PLAYED
        seeds = [episode_seed(Split.VALIDATION, 0, i) for i in episodes]
        return collect_together(self.team, self.spec, self.agents, seeds, self.held_out_seating())

    def held_out_seating(self) -> Seating:
        """Who sits where in held-out episodes."""
        return held_out_seating(self.spec, self.config.opponents)

    def look(self) -> Metrics:
        """Evaluate if it is time; keep the best policy, step back to it if this one has collapsed."""
        if not self.due(self.config.eval_every):
            return dict.fromkeys(HELD_OUT + CONFIRMED)
        held_out = self.evaluate()
        returns = returns_of(held_out)
        if not returns:
            self.reporter.note(f"step {self.step}: {self._nothing_seen()}; the policy is not judged")
            return held_out_scores(held_out) | dict.fromkeys(CONFIRMED)
        score = fmean(returns)
        further = self.confirm() if self.guard.may_be_best(returns) else NOT_PLAYED
        self.guard, seen = self.guard.look(self.step, returns, returns_of(further))
        if seen == "best":
            self.keep_best()
        elif seen == "collapse":
            self.step_back(f"held-out return fell to {score:.2f} from {self.guard.best:.2f}")
        return held_out_scores(held_out) | confirmed_scores(held_out, further)

    def _nothing_seen(self) -> str:
        config = self.config
        return f"no validation episode came to an end: opponents ({config.opponents}) or {config.game} failed"

    def keep_best(self) -> None:
        """The policy as it is becomes the one to step back to."""
        self.best = self.learner.trained.snapshot()
        self._save_policy("best")

    def step_back(self, why: str) -> None:
        """Go on from the best policy, which the engine is given, and say why."""
        self.engine.sleep()
        self.learner.trained.restore(self.best)
        self.sync_engine()
        self.reporter.note(
            f"step {self.step}: {why}; "
            f"stepped back to the policy of step {self.guard.best_step}, learning rate halved"
        )

    def save(self, *, now: bool = False) -> None:
        """If it is time, a checkpoint to resume from; at the end of the run, the policy as it is."""
        if not (now or self.due(self.config.checkpoint_every)):
            return
        progress = Progress(self.step, self.episodes, self.seconds, self.guard)
        trained, is_main = self.learner.trained, self.team.is_main
        current = trained.gathered(trained.snapshot(), keep=is_main)
        best = trained.gathered(self.best, keep=is_main)

        def write(folder: Path) -> None:
            save_checkpoint(folder, current, best, progress)
            self.save_beside(folder)

        self.run.save_checkpoint(self.step, write)
        if self.step == self.config.steps:
            self._save_policy("last")

    def save_beside(self, folder: Path) -> None:
        """Write what else a trainer keeps into a checkpoint."""

    def load_beside(self, folder: Path) -> None:
        """Read it again."""

    def _save_policy(self, name: str) -> None:
        weights = self.learner.trained.whole(keep=self.team.is_main)
        self.run.save_policy(name, lambda folder: save_policy(folder, self.agent, self.learner, weights))


def sampling_of(config: LanguageConfig) -> Sampling:
    """The generation config of the policy in training."""
    return Sampling(
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        thinking_tokens=config.thinking_tokens,
        decode=config.decode,
    )


NOT_PLAYED = Rollout(())
HELD_OUT = ("eval/return", "eval/success", "eval/invalid_rate")
CONFIRMED = ("eval/confirmed_return", "eval/confirmed_success", "eval/confirmed_episodes")


def held_out_scores(held_out: Rollout) -> Metrics:
    """The means of `scores`, and how many of the replies were invalid."""
    return {**scores("eval", held_out), "eval/invalid_rate": invalid_rate(held_out)}


def confirmed_scores(held_out: Rollout, further: Rollout) -> Metrics:
    """The means over a look's own and the further episodes, and their number; None without further ones."""
    if not further.groups:
        return dict.fromkeys(CONFIRMED)
    together = Rollout(held_out.groups + further.groups)
    return {**scores("eval/confirmed", together, "_"), CONFIRMED[2]: len(together.trajectories)}


def returns_of(rollout: Rollout) -> tuple[float, ...]:
    """The return of each episode."""
    return tuple(rollout.returns_BG().flatten().tolist())


def scores(split: str, rollout: Rollout, mark: str = "/") -> Metrics:
    """Mean return and success of a rollout's trajectories; None where there are none."""
    trajectories = rollout.trajectories
    return {
        f"{split}{mark}return": mean([t.total for t in trajectories]),
        f"{split}{mark}success": mean([float(t.success) for t in trajectories]),
    }


def invalid_rate(rollout: Rollout) -> float | None:
    """The share of the learner's replies that named no legal action."""
    return mean([float(step.invalid is not None) for step in rollout.steps])


def mean(values: list[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None
