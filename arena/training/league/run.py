"""A training's league: who has entered, rated and stored; a copy of the policy enters when it is due.

    league/step-000010   a version, a policy that plays as any agent
    league/run.sqlite    the matches that rated the versions, a run like a tournament's

After an interruption the versions and matches since the checkpoint are removed and made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from arena.machine.environment import environment
from arena.machine.files import remove_folder
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents
from arena.match.versions import step_of, version_name
from arena.training.config import MsgrpoConfig
from arena.training.distributed.team import Team
from arena.training.language.learner import PolicyLearner
from arena.training.language.rollout import CONCURRENCY
from arena.training.league.draw import RATED, Draw, Opponents
from arena.training.league.entry import Verdict, entry_matches, entry_seeds, judge, spread
from arena.training.league.place import BASE, OpenRecord, Place, Record
from arena.training.league.versions import HeldEngine, load_version
from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.language.agent import LanguageAgent
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError

FOLDER = "league"

Row = Mapping[str, float | int | None]
Metrics = dict[str, float | int | None]


class LeagueRun:
    """The league as one learner sees it. Everybody in it is an agent by name in `agents`."""

    def __init__(
        self, spec: GameSpec, config: MsgrpoConfig, run: Path, team: Team, opened: OpenRecord, place: Place
    ) -> None:
        """Raises UsageError, before any model is loaded, for a game or anchors that cannot be."""
        if not spec.versus:
            raise UsageError(
                f"a league needs a game in which agents meet, and {spec.name} has one open seat; "
                "leave --opponents league out"
            )
        self.spec, self.config, self.team, self.place = spec, config, team, place
        self.folder = run / FOLDER
        self.agents: dict[str, Agent] = house_agents([spec]) | {
            name: _anchor(name, spec) for name in config.anchors if name != BASE
        }
        base = version_name(place.member, 0)
        anchors = [base if name == BASE else name for name in config.anchors]
        self.draw = Draw(spec, config, Opponents(anchors, list(place.others), place.newest))
        self.own: list[str] = []
        self._opened = opened
        self._record: Record | None = None

    def is_due(self, step: int) -> bool:
        """Whether a copy of the policy enters after this update; the last one always does."""
        return step % self.config.league_every == 0 or step == self.config.steps

    def begin(self, agent: LanguageAgent, learner: PolicyLearner, step: int, rows: Iterable[Row]) -> None:
        """Load who was in it after this update (-1: nobody yet), and forget what came later."""
        self.agent, self.learner = agent, learner
        self.team.by_first(lambda: self._open(step))
        for name, folder in self.place.others.items():
            self.agents[name] = load_version(folder, agent, learner)
        for name in self._stored(step):
            self._take_in(name)
        for row in rows:
            self.draw.take_in(row)

    def _open(self, step: int) -> None:
        member = self.place.member
        for path in self.folder.glob(f"{member}-*"):
            number = step_of(path.name, member)
            if number is None or number > step:
                remove_folder(path)
        self._record = self._opened(
            self.place.record, _played(self.spec, self.config, self.place), environment()
        )
        players = {player for result in self._record.results() for player in result.players}
        steps = {player: step_of(player, member) for player in players}  # None: an anchor, or another's
        self._record.forget([player for player, at in steps.items() if at is not None and at > step])

    def _stored(self, step: int) -> list[str]:
        found = (path.name for path in self.folder.glob(f"{self.place.member}-*"))
        numbered = [(step_of(name, self.place.member), name) for name in found]
        return sorted(name for number, name in numbered if number is not None and number <= step)

    def _take_in(self, name: str) -> None:
        self.agents[name] = load_version(self.folder / name, self.agent, self.learner)
        self.own.append(name)
        self.draw.opponents.pool = [*self.place.others, *self.own]

    def wake(self) -> None:
        """Before a rollout every engine forgets what it has read: a resumed run draws the same."""
        for agent in self.agents.values():
            engine = getattr(agent, "engine", None)
            if isinstance(engine, HeldEngine):
                engine.wake()

    def where(self, step: int) -> str:
        """Where in the run's folder the copy of this update belongs."""
        return f"{FOLDER}/{version_name(self.place.member, step)}"

    def enter(self, step: int) -> tuple[Verdict, Metrics]:
        """The copy that lies there is rated and joins; what its matches say, and what of it is logged."""
        name = version_name(self.place.member, step)
        past = list(self.own)
        seeds = entry_seeds(self.config.seed, step, self.config.league_seeds)
        opponents = self._raters(past)
        self.wake()
        self._play(name, entry_matches(self.spec, name, opponents, seeds))
        verdict = self._judged(name, seeds, past)
        self._take_in(name)
        rating = verdict.rating
        low, high = rating.ends
        row: Metrics = {"rating": rating.mean, "rating_low": low, "rating_high": high}
        row |= {RATED + who: share for who, share in sorted(verdict.shares.items())}
        self.draw.take_in(row)
        return verdict, row

    def _raters(self, past: Sequence[str]) -> list[str]:
        """Whom a newcomer meets: all anchors, of its own past and of others' versions a few."""
        most, fixed = self.config.league_rated, [a for a in self.draw.opponents.anchors if a in self.agents]
        others = spread(list(self.place.others), most)
        return list(dict.fromkeys([*fixed, *spread(past, most), *others]))

    def _play(self, name: str, matches: Sequence[Match]) -> None:
        """Play the matches and store them in one transaction: a kill leaves all of an entry's, or none."""
        stored = self.team.gather(self.record.episode_ids() if self.team.is_main else set())[0]
        missing = [match for match in matches if match.id not in stored]
        agents = {**self.agents, name: self.agent}
        config = MatchConfig(concurrency=CONCURRENCY)
        played = list(play(self.team.shard_to_play(missing), agents, config))
        everyones = list(chain.from_iterable(self.team.gather_played(played)))
        order = {match.id: place for place, match in enumerate(missing)}
        everyones.sort(key=lambda episode: order.get(episode.match_id, 0))
        self.team.by_first(lambda: self.record.add(everyones, self.spec.open_seats))

    def _judged(self, name: str, seeds: Sequence[int], past: Sequence[str]) -> Verdict:
        main = self.team.is_main
        mine = judge(self.record.results(), name, seeds, past, len(past) + 1) if main else None
        verdict = self.team.gather(mine)[0]
        assert verdict is not None
        return verdict

    @property
    def record(self) -> Record:
        if self._record is None:
            raise ValueError("the league's record is not open; only the first process holds it")
        return self._record

    def close(self) -> None:
        """Let go of the record."""
        if self._record is not None:
            self._record.close()
            self._record = None


def _anchor(name: str, spec: GameSpec) -> Agent:
    agent = make_agent(name)
    problem = obstacle(agent, spec)
    if problem:
        raise UsageError(f"{problem}; name other anchors")
    return agent


def _played(spec: GameSpec, config: MsgrpoConfig, place: Place) -> dict[str, object]:
    """What the record says is played in it: the versions enter as they come."""
    fixed = {name: name for name in config.anchors if name != BASE}
    return {
        "games": {spec.name: spec.version},
        "agents": fixed,
        "seed": place.seed,
        "matches": config.league_seeds * len(spec.open_seats),
        "league": config.agent,
    }
