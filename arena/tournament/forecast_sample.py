"""The matches that a forecast plays: few of each agent, fewer of one whose replies may cost money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import blake2b

from arena.match.match import Match
from arena.match.seating import house_agents
from arena.record.store import FILE_NAME, Store
from arena.tournament.agents import Agents
from arena.tournament.entrants import SPECIALIST, Entrant, Training
from arena.tournament.plan import Tournament
from arena.tournament.prepare import finished
from arena_agents import Agent
from arena_agents.address import is_address
from arena_games.base import GameSpec

SAMPLE = 8  # matches of an agent in a game
REMOTE_SAMPLE = 2  # of an agent behind a server
STAND_IN = "random"  # for a specialist that is not trained yet


def missing_matches(
    tournament: Tournament, left_out: Collection[tuple[str, str]] = ()
) -> dict[str, list[Match]]:
    """The matches still to be played, by game; nobody meets who is in `left_out`, as (agent, game)."""
    stored: set[str] = set()
    if (tournament.out / FILE_NAME).is_file():
        with Store.read(tournament.out) as store:
            stored = store.episode_ids()
    missing: dict[str, list[Match]] = {spec.name: [] for spec in tournament.games}
    for match in tournament.schedule(left_out):
        if match.id not in stored:
            missing[match.spec.name].append(match)
    return missing


def sample_of(matches: Sequence[Match], entrants: Sequence[Entrant]) -> list[Match]:
    """A few of the matches, mixed by their ids' digests, until each agent has had its share of them.

    A match is taken if someone in it lacks one and no agent behind a server has had enough.
    """
    remote = {entrant.label for entrant in entrants if is_address(entrant.spec)}
    left = Counter({e.label: REMOTE_SAMPLE if e.label in remote else SAMPLE for e in entrants})
    chosen = []
    for match in sorted(
        matches, key=lambda match: blake2b(match.id.encode("utf-8", "surrogatepass")).digest()
    ):
        players = {player for player in match.players if player in left}
        if any(left[player] > 0 for player in players) and all(left[p] > 0 for p in players & remote):
            chosen.append(match)
            left.subtract(players)
    return chosen


def players_of(tournament: Tournament, spec: GameSpec, agents: Agents) -> dict[str, Agent]:
    """All players of a game by name, with stand-ins for those that must be trained first."""
    lacking = untrained(tournament)
    made = {
        entrant.label: agents.make(
            stand_in(entrant)
            if (entrant.label, spec.name) in lacking
            else entrant.playable(spec, tournament.out)
        )
        for entrant in tournament.entrants
    }
    return made | house_agents([spec])


def stand_in(entrant: Entrant) -> str:
    """Who plays for an agent that is not trained: what it is trained from, if that can play."""
    return STAND_IN if entrant.base in (None, SPECIALIST) else str(entrant.base)


def untrained(tournament: Tournament) -> dict[tuple[str, str], Training]:
    """The policies that agents still lack, by (agent, game)."""
    return {
        (entrant.label, spec.name): training
        for entrant in tournament.entrants
        for spec in tournament.games
        if (training := entrant.training(spec, tournament.out)) is not None and not finished(training)
    }


def announcements(tournament: Tournament, samples: Mapping[str, Sequence[Match]]) -> Iterator[str]:
    """What the sample itself asks of each agent behind a server, at most."""
    horizons = {spec.name: spec.horizon for spec in tournament.games}
    for entrant in tournament.entrants:
        if is_address(entrant.spec):
            seats = {
                game: sum(match.players.count(entrant.label) for match in matches)
                for game, matches in samples.items()
            }
            replies = sum(count * horizons[game] for game, count in seats.items())
            played = sum(seats.values())
            yield f"the sample itself asks {entrant.label} for {replies:,} replies at most, in {played} seats"


def notes(lacking: Mapping[tuple[str, str], Training]) -> list[str]:
    """Who is not trained yet, and how its moves were forecast. What training takes is not forecast."""
    by_stand_in: dict[str, set[str]] = {}
    for training in lacking.values():
        player = STAND_IN if training.agent == SPECIALIST else training.agent
        by_stand_in.setdefault(player, set()).add(training.name)
    return [
        f"Not trained yet, forecast as {player} plays, without the training: {', '.join(sorted(names))}."
        for player, names in by_stand_in.items()
    ]
