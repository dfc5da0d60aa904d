"""MS-GRPO in a league: versions of the policy are rated, stay, and are met; what was forgotten is undone."""

from __future__ import annotations

from dataclasses import replace

from arena.match.seating import Seating
from arena.training.clock import Clock
from arena.training.language.rollout import Rollout
from arena.training.language.training import CONFIRMED, HELD_OUT, NOT_PLAYED, Metrics, held_out_scores
from arena.training.league.place import Place
from arena.training.league.run import FOLDER, LeagueRun
from arena.training.msgrpo.ahead import Played
from arena.training.msgrpo.training import MsgrpoTraining
from arena_agents.language.template import PromptTemplate


class LeagueTraining(MsgrpoTraining):
    """A run whose opponents are its league's. Entries, not held-out episodes, decide what is best."""

    league: LeagueRun

    def before_loading(self, template: PromptTemplate) -> None:
        super().before_loading(template)
        if self.around.open_record is None:
            raise ValueError("a league keeps a record; call arena.train")
        place = self.around.place or Place(self.run.path / FOLDER, seed=self.config.seed)
        self.league = LeagueRun(
            self.spec, self.config, self.run.path, self.team, self.around.open_record, place
        )

    def start(self) -> None:
        super().start()
        if not self.league.own:  # it goes on; else it has just begun
            rows = [row for row in self.run.metrics() if row["step"] <= self.step]
            self.league.begin(self.agent, self.learner, self.step, rows)
            self.agents |= self.league.agents

    def close(self) -> None:
        super().close()
        self.league.close()

    def begun(self) -> Metrics:
        """The policy as it is enters its league."""
        self.league.begin(self.agent, self.learner, -1, [])
        return self._enter()

    def look(self) -> Metrics:
        """Held-out episodes, which are only logged."""
        if not self.due(self.config.eval_every):
            return dict.fromkeys(HELD_OUT + CONFIRMED)
        return held_out_scores(self.evaluate()) | dict.fromkeys(CONFIRMED)

    def confirm(self) -> Rollout:
        """Nothing: held-out episodes decide nothing."""
        return NOT_PLAYED

    def roll_out(self, step: int) -> Played:
        self.league.wake()
        return super().roll_out(step)

    def seating(self, step: int) -> Seating:
        return self.league.draw.seating(step)

    def met(self, rollout: Rollout, clock: Clock) -> Metrics:
        """The shares won of those who were met; then the policy enters, where it is due."""
        row = self.league.draw.score(rollout)
        if self.league.is_due(self.step):
            with clock.phase("league"):
                row |= self._enter()
        return row

    def _enter(self) -> Metrics:
        """A copy of the policy is rated and joins; a new best is kept, what was forgotten is undone."""
        league = self.league
        self._save_policy(league.where(self.step))
        self.engine.wake()
        verdict, row = league.enter(self.step)
        self.agents |= league.agents
        if self.step == 0:  # nothing to compare with yet
            self.guard = replace(self.guard, best=verdict.rating.mean, best_returns=())
            return row
        self.guard, seen = self.guard.entered(
            self.step, verdict.rating.mean, leads=verdict.leads, forgot=bool(verdict.lost_to)
        )
        if seen == "best":
            self.keep_best()
        elif seen == "collapse":
            worst = verdict.lost_to[0]
            self.step_back(f"forgot how to beat {worst}, {verdict.shares[worst]:.0%} of the points")
        return row
