"""What the updates of an MS-GRPO run learn from: who plays, from where, and by which of its policies."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from arena.match.seating import Seating, check_frozen, held_out_seating, training_seating
from arena.match.seeds import Split, episode_seed
from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import SOLO, Team
from arena.training.language.rollout import Rollout, collect_together
from arena.training.language.training import LanguageTraining
from arena.training.league.place import NOTHING_AROUND, Around
from arena.training.msgrpo.ahead import Ahead, Played
from arena.training.msgrpo.refill import play_until_informative
from arena.training.reporter import Reporter
from arena.training.run_folder import RunFolder
from arena_agents.language.template import PromptTemplate


class RolloutTraining(LanguageTraining):
    """A run that plays its updates' rollouts, where `staleness` allows it one update ahead."""

    config: MsgrpoConfig

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
        self.ahead = Ahead(beside=config.staleness > 0 and config.served and team.size == 1)
        super().__init__(config, run, reporter, template, team)

    def before_loading(self, template: PromptTemplate) -> None:
        check_frozen(self.spec, self.config.frozen_seats)

    def close(self) -> None:
        super().close()
        self.ahead.close()

    @property
    def pauses(self) -> bool:
        """Whether this is as far as it goes for now."""
        if self.step == self.config.steps:
            return False
        hours = self.config.hours
        return self.step == self.around.until or (hours is not None and self.seconds > 3600 * hours)

    def take_rollout(self) -> Played:
        """The rollout that this update learns from; the next one begins, where it is to be ahead."""
        played = self.ahead.take() or self.roll_out(self.step)
        self.wanted, failed = played.wanted, played.rollout.failed_groups
        self.episodes += played.episodes
        if failed:
            self.reporter.note(f"step {self.step}: {failed} groups left out, an episode in them failed")
        if self.config.staleness and not self._stops_here():
            self.ahead.begin(partial(self.roll_out, self.step + 1))
        return played

    def _stops_here(self) -> bool:
        """Whether a checkpoint is due after this update, over which nothing is played ahead."""
        return self.step == self.around.until or self.due(self.config.checkpoint_every)

    def step_back(self, why: str) -> None:
        """Also forget what the collapsed policy has played ahead; its episodes count as played."""
        forgotten = self.ahead.take()
        self.episodes += forgotten.episodes if forgotten else 0
        super().step_back(why)

    def roll_out(self, step: int) -> Played:
        """G episodes from each of B start states that no evaluation uses, and of more where `refill` asks."""
        began, episodes = time.perf_counter(), 0
        seating = self.seating(step)

        def play(starts: range) -> Rollout:
            nonlocal episodes
            episodes += len(starts) * self.config.group_size
            return self._play(step, seating, starts)

        self.engine.wake()
        rollout, wanted = play_until_informative(play, self.config.groups, self.config.refill)
        return Played(rollout, wanted, episodes, time.perf_counter() - began)

    def _play(self, step: int, seating: Seating, starts: range) -> Rollout:
        """G episodes from each of these start states of a step."""
        config = self.config
        return collect_together(
            self.team,
            self.spec,
            self.agents,
            [episode_seed(Split.TRAIN, config.seed, step, b) for b in starts],
            lambda start: seating(starts[start]),
            repeats=config.group_size,
            format_penalty=config.format_penalty,
            by_place=config.reward == "place",
            frozen=config.frozen_seats,
        )

    def seating(self, step: int) -> Seating:
        """Who sits where in the episodes from each of a step's start states."""
        return training_seating(self.spec, self.config.opponents, self.config.frozen_seats)

    def held_out_seating(self) -> Seating:
        return held_out_seating(self.spec, self.config.opponents, self.config.frozen_seats)
