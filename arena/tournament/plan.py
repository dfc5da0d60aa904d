"""What a tournament is: games, agents, a seed, and the matches that follow from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.match.match import Match
from arena.tournament.entrants import Entrant, Training, parse_entrants
from arena.tournament.options import TournamentOptions
from arena.tournament.schedule import Schedule, each_match, planned_matches, seat_orders
from arena.tournament.shard import Shard
from arena_agents.limits import MOST_MATCHES
from arena_games.base import GameSpec, UsageError
from arena_games.registry import remembering, select_games
from arena_games.skins import both

__all__ = ["Tournament"]


@dataclass(frozen=True)
class Tournament:
    """What is to be played. `config` decides the matches; a run is continued only under the same."""

    games: tuple[GameSpec, ...]
    entrants: tuple[Entrant, ...]
    seed: int
    matches: int
    out: Path
    rethink: int = 0  # times that an invalid reply is asked for again
    memory: int | None = None  # of its own turns that a seat is shown; None: as each game says

    @classmethod
    def of(
        cls,
        games: str | Iterable[str],
        agents: str | Iterable[str],
        out: Path | str,
        *,
        seed: int = 0,
        matches: int = 60,
        defaults: Mapping[str, str] | None = None,
        rethink: int = 0,
        memory: int | None = None,
        skins: int | None = None,
        game_set: Iterable[str] = (),
    ) -> Tournament:
        """From what the command line says: names, or a string of them between commas.

        About `matches` matches of each agent in each game; `out` is the run's folder; `defaults` are for
        language models (see `parse_entrants`); an invalid reply is asked for again up to `rethink` times.
        `game_set` are numbers of the games, `KEY=VALUE`. With `skins` each game is played in so many skins
        too, as a game of its own.
        Raises UsageError for unknown games, games without skins, unusable names and too many matches.
        """
        entrants = tuple(parse_entrants(agents, defaults))
        chosen = select_games(games, game_set)
        specs = tuple(both((remembering(spec, memory) for spec in chosen), skins))
        planned = cls(specs, entrants, seed, matches, Path(out), rethink, memory)
        planned.check_size()
        return planned

    @classmethod
    def asked(cls, options: TournamentOptions) -> Tournament:
        """What the command line asks for. Raises UsageError as `of` does."""
        return cls.of(
            options.games,
            options.agents,
            options.out,
            seed=options.seed,
            matches=options.matches,
            defaults=options.defaults,
            rethink=options.rethink,
            memory=options.memory,
            skins=options.skins,
            game_set=options.game_set,
        )

    def check_size(self) -> None:
        """Raises UsageError for more matches than anybody could play, before any of them is planned."""
        total = sum(self.counts().values())
        if total > MOST_MATCHES:
            raise UsageError(
                f"that is {total:,} matches, and at most {MOST_MATCHES:,} are played; lower --matches"
            )

    def config(self) -> dict[str, Any]:
        """What is stored with the run, and must not change while it is continued."""
        return {
            "games": {spec.name: spec.version for spec in self.games},
            "agents": {entrant.label: entrant.spec for entrant in self.entrants},
            "seed": self.seed,
            "matches": self.matches,
            **({"rethink": self.rethink} if self.rethink else {}),
            **({} if self.memory is None else {"memory": self.memory}),
        }

    @property
    def labels(self) -> tuple[str, ...]:
        """The names that the agents are ranked by."""
        return tuple(entrant.label for entrant in self.entrants)

    def schedule(self, left_out: Collection[tuple[str, str]] = (), shard: Shard | None = None) -> Schedule:
        """The planned matches, or a shard's part; nobody meets who is in `left_out`, as (agent, game).

        A shard's part does not depend on who is left out.
        """

        def make() -> Iterator[Match]:
            planned = each_match(self.games, self.labels, seed=self.seed, matches=self.matches)
            if shard is not None:
                planned = shard.of_schedule(planned, self.counts())
            for match in planned:
                if not any((player, match.spec.name) in left_out for player in match.players):
                    yield match

        return Schedule(make)

    def counts(self) -> dict[str, int]:
        """How many matches are planned of each game."""
        return {spec.name: planned_matches(spec, self.labels, self.seed, self.matches) for spec in self.games}

    def seat_orders(self, spec: GameSpec, agents: Sequence[str]) -> list[tuple[str, ...]]:
        """How these agents meet on each seed of a game; see `schedule.seat_orders`."""
        return seat_orders(agents, len(spec.open_seats), seed=self.seed, matches=self.matches)

    def left_out(self, failed: Collection[Training]) -> set[tuple[str, str]]:
        """Who cannot play what, as (agent, game), when these trainings have failed."""
        return {
            (entrant.label, spec.name)
            for entrant in self.entrants
            for spec in self.games
            if entrant.training(spec, self.out) in failed
        }
