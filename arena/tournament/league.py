"""`arena league`: one learner, or several that are trained in turns against each other.

    RUN/members/a, b, …      trainings, each with its versions in its `league/`
    RUN/run.sqlite           the matches that rated all versions
    RUN/league.json          what was asked for
    RUN/best                 the best of the highest rated member, when all are done

In a turn a member takes `league_every` updates, meeting the others as they were when it began; then it
leaves a checkpoint, and the next one's turn comes. One model is in memory at a time: members are weights or
adapters of it. Whose turn it is follows from the checkpoints, so that a killed league goes on as if nothing
had happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from arena.machine.copies import copy_folder, refuse_links
from arena.machine.files import LOCK_NAME, lock_folder, replace_folder, write_json, write_text
from arena.match.seating import LEAGUE
from arena.match.seeds import decision_seed
from arena.match.versions import version_name, version_of
from arena.record.league import LeagueTable
from arena.record.store import Store
from arena.tournament.teach import STORED
from arena.training.config import MsgrpoConfig
from arena.training.league.place import Around, Place
from arena.training.league.run import FOLDER
from arena.training.options import TrainOptions
from arena.training.reporter import Reporter, Show, silently
from arena.training.resume import TEMPLATE, refuse_code
from arena.training.run_folder import RunFolder
from arena.training.settings import layers, new_config
from arena.training.start import OnStep, start
from arena.untrusted import slug
from arena_agents.files import read_json, read_model
from arena_agents.language.template import load_template
from arena_games.base import UsageError

ASKED = "league.json"
MEMBERS = "members"
MOST = len(ascii_lowercase)
STREAM = 7  # of the members' seeds


@dataclass(frozen=True, slots=True)
class Turn:
    """Which member trains next, and up to which update."""

    member: int
    until: int


def next_turn(done: Sequence[int], every: int, steps: int) -> Turn | None:
    """Whose turn it is after so many updates of each; None when all are done."""
    left = [(count // every, member) for member, count in enumerate(done) if count < steps]
    if not left:
        return None
    taken, member = min(left)
    return Turn(member, min((taken + 1) * every, steps))


def of_turn(show: Show, name: str, turn: Turn) -> Show:
    """Shows a member's turn as `show` would, and says whose it is: all count their updates alike."""

    @contextmanager
    def shown(title: str, done: int, steps: int) -> Iterator[Reporter]:
        with show(f"{name}: {title}", done, steps) as display:
            display.note(f"{name}'s turn, updates {done + 1} to {turn.until} of {steps}")
            yield display

    return shown


def hold_league(
    options: TrainOptions, population: int = 1, *, show: Show = silently, on_step: OnStep | None = None
) -> Path:
    """Train a league's members to their end, or to their `hours`, and return its folder.

    With one member that is a training with `opponents` league. Raises UsageError as `start` does, and for a
    population that is not that of the run which is gone on with.
    """
    run = Path(str(options.resume)) if options.resume is not None else None
    several = (run / ASKED).is_file() if run else population > 1
    if not several:
        if run and population > 1:
            raise UsageError(f"{run} is a league of one; leave --population out")
        asked = options if run else replace(options, opponents=LEAGUE)
        return start(asked, show=show, on_step=on_step, around=STORED)
    league = Population.opened(run, population, options) if run else Population.begun(population, options)
    with lock_folder(league.folder / MEMBERS, "training in"):
        league.train(show, on_step)
    return league.folder


class _Asked(BaseModel):
    """What `league.json` holds."""

    model_config = ConfigDict(strict=True)

    version: Literal[1]
    population: int = Field(gt=1, le=MOST)
    asked: dict[str, Any]


@dataclass(frozen=True)
class Population:
    """A league of several: its folder, what was asked of each member, and what a resumed one is told anew."""

    folder: Path
    size: int
    asked: Mapping[str, Any]
    anew: TrainOptions

    @classmethod
    def begun(cls, size: int, options: TrainOptions) -> Population:
        """A new one. Raises UsageError, before anything is written, for what cannot be."""
        if size > MOST:
            raise UsageError(f"a population is of at most {MOST}, not {size}")
        asked = layers(replace(options, opponents=LEAGUE).named(), options.settings, options.config_file)
        config = new_config({}, asked, None)
        folder = Path(options.out or Path("runs") / f"{slug(config.agent)}-{slug(config.game)}-league")
        if folder.exists() and any(path.name != LOCK_NAME for path in folder.iterdir()):
            raise UsageError(f"{folder} is not empty; go on with --resume {folder}, or choose another --out")
        words = None if options.template is None else load_template(options.template).text()
        (folder / MEMBERS).mkdir(parents=True, exist_ok=True)
        if words is not None:
            write_text(folder / TEMPLATE, words)
        write_json(folder / ASKED, {"version": 1, "population": size, "asked": asked})
        return cls(folder, size, asked, TrainOptions(trust=True))  # its code was named by this command

    @classmethod
    def opened(cls, folder: Path, size: int, options: TrainOptions) -> Population:
        """One that was begun. Raises UsageError for another size than it has."""
        refuse_links(folder)
        stored = read_model(folder / ASKED, _Asked, remedy="begin another league")
        held, asked = stored.population, stored.asked
        if size not in (1, held):
            raise UsageError(f"{folder} has a population of {held}; leave --population {size} out")
        if not options.trust:
            refuse_code(folder, asked, options.named())
        return cls(folder, held, asked, options)

    @property
    def names(self) -> str:
        """The members' names, a letter each."""
        return ascii_lowercase[: self.size]

    def train(self, show: Show, on_step: OnStep | None) -> None:
        """Turn after turn, until all are done or one has no time left."""
        every, steps = self._config().league_every, self.anew.steps or self._config().steps
        while turn := next_turn([self._done(name) for name in self.names], every, steps):
            name = self.names[turn.member]
            around = Around(Store.open, self._place(turn, every), turn.until)
            start(self._options(name), show=of_turn(show, name, turn), on_step=on_step, around=around)
            if self._done(name) < turn.until:
                return
        self._keep_best()

    def _config(self) -> MsgrpoConfig:
        config = new_config({}, dict(self.asked), None)
        assert isinstance(config, MsgrpoConfig)  # a league is no DQN's
        return config

    def _member(self, name: str) -> Path:
        return self.folder / MEMBERS / name

    def _done(self, name: str) -> int:
        found = RunFolder(self._member(name)).latest_checkpoint()
        return found[0] if found else 0

    def _options(self, name: str) -> TrainOptions:
        """What a member's turn is asked for: it begins, or it goes on."""
        member, template = self._member(name), self.folder / TEMPLATE
        if (member / "config.json").is_file():
            return replace(self.anew, resume=member, out=None)
        config, place = self._config(), self.names.index(name)
        seed = config.seed
        own = decision_seed(seed, STREAM, place) % 2**31 if place else seed
        hours = {"hours": config.hours / self.size} if config.hours else {}
        settings = {**self.asked, "seed": own, **hours}
        return TrainOptions(out=member, settings=settings, template=template if template.exists() else None)

    def _place(self, turn: Turn, every: int) -> Place:
        """The others as they are when this turn begins: who comes before it has had one turn more."""
        taken = (turn.until - 1) // every
        others: dict[str, Path] = {}
        newest = []
        for number, name in enumerate(self.names):
            if number == turn.member:
                continue
            last = (taken + (number < turn.member)) * every
            folders = sorted((self._member(name) / FOLDER).glob(f"{name}-*"))
            seen = [
                path for path in folders if (found := version_of(path.name)) is not None and found[1] <= last
            ]
            others |= {path.name: path for path in seen}
            newest += [path.name for path in seen[-1:]]
        seed = self._config().seed
        return Place(self.folder, self.names[turn.member], others, tuple(newest), seed)

    def _keep_best(self) -> None:
        """The best policy of the member whose best version is rated highest becomes the league's."""
        ratings = {row.agent: row.rating for row in LeagueTable.read(self.folder).board.overall if row.rating}
        steps = {name: self._best_step(name) for name in self.names}
        own = {name: ratings.get(version_name(name, step)) for name, step in steps.items()}
        best = max(self.names, key=lambda name: rating.mean if (rating := own[name]) else float("-inf"))
        replace_folder(self.folder / "best", lambda fresh: copy_folder(self._member(best) / "best", fresh))

    def _best_step(self, name: str) -> int:
        found = RunFolder(self._member(name)).latest_checkpoint()
        guard = read_json(found[1] / "progress.json").get("guard") if found else None
        step = guard.get("best_step") if isinstance(guard, dict) else None
        return step if isinstance(step, int) else 0
