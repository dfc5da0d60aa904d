"""Who holds which seat, said once for tournaments, evaluations, training and people.

A game's open seats go to whoever is to be played, its other seats to the house: the agents that the game
names, as players called `house:NAME`. The prefix keeps the house's `random` apart from an agent of that
name under test.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError

HOUSE = "house:"
LEARNER = "learner"  # the player that is trained
LEAGUE = "league"  # opponents that change as training goes on; who they are is the trainer's to say

# Player names by seat, for the start state of that number.
Seating = Callable[[int], tuple[str, ...]]


def seated(spec: GameSpec, open_players: Sequence[str], house: str | None = None) -> tuple[str, ...]:
    """Player names by seat: `open_players` in order on the open seats, the house on the rest.

    `house` is one player that holds the house's seats in its place. Raises ValueError if there are not as
    many players as open seats.
    """
    by_seat = dict(zip(spec.open_seats, open_players, strict=True))
    house_players = (house or HOUSE + name for name in spec.house)
    return tuple(by_seat[seat] if seat in by_seat else next(house_players) for seat in range(spec.seats))


def beside(spec: GameSpec, players: Sequence[str], opponent: str) -> tuple[str, ...]:
    """Players of the open seats: `players` in order, `opponent` on those that are left."""
    return (*players, *[opponent] * (len(spec.open_seats) - len(players)))


def in_turn(spec: GameSpec, player: str, opponent: str, turn: int) -> tuple[str, ...]:
    """Players of the open seats: `player` on the next of them each turn, `opponent` on the others."""
    players = [opponent] * len(spec.open_seats)
    players[turn % len(players)] = player
    return tuple(players)


def house_agents(games: Iterable[GameSpec]) -> dict[str, Agent]:
    """The agents that the games' houses seat, by player name. Raises UsageError for unknown ones."""
    names = {name for spec in games for name in spec.house}
    return {HOUSE + name: make_agent(name) for name in sorted(names)}


def refuse_unable(spec: GameSpec, players: Iterable[object], remedy: str = "name another agent") -> None:
    """Raises UsageError for the first of them that says that it cannot play the game."""
    for player in players:
        problem = obstacle(player, spec)
        if problem:
            raise UsageError(f"{problem}; {remedy}")


# In training, `opponents` says who holds the seats that the learner does not: `house` leaves it all open
# seats, `self` all seats, and an agent's spec gives it one seat, the agent all others, the house's too. With
# `league` the learner is alone as with `house`, until a trainer seats others (`against`). `frozen` seats are
# not learned from: the learner holds them beside itself, and takes none of them where it meets others.


def training_seating(spec: GameSpec, opponents: str, frozen: Collection[int] = ()) -> Seating:
    """Who sits where in rollouts."""
    if opponents == "self":
        return lambda start: (LEARNER,) * spec.seats
    if opponents in ("house", LEAGUE):
        return lambda start: seated(spec, beside(spec, [], LEARNER))
    return partial(_one_learner, spec, opponents, opponents, frozen)


def held_out_seating(spec: GameSpec, opponents: str, frozen: Collection[int] = ()) -> Seating:
    """Who sits where in evaluations: one learner, as the score of self-play says nothing.

    Open seats that no opponent was named for are `random`'s.
    """
    if opponents in ("house", "self", LEAGUE):
        return partial(_one_learner, spec, "random", None, frozen)
    return partial(_one_learner, spec, opponents, opponents, frozen)


def against(spec: GameSpec, opponent: str, frozen: Collection[int] = ()) -> Seating:
    """The learner on the open seats in turn, this player on the other open ones, the house on its own."""
    return partial(_one_learner, spec, opponent, None, frozen)


def _one_learner(
    spec: GameSpec, opponent: str, house: str | None, frozen: Collection[int], start: int
) -> tuple[str, ...]:
    turns = [turn for turn, seat in enumerate(spec.open_seats) if seat not in frozen]
    return seated(spec, in_turn(spec, LEARNER, opponent, turns[start % len(turns)]), house)


def check_frozen(spec: GameSpec, frozen: Collection[int]) -> None:
    """Raises UsageError unless these are seats of the game, and leave an open one to learn from."""
    unknown = sorted(set(frozen).difference(range(spec.seats)))
    if unknown or not set(spec.open_seats).difference(frozen):
        wrong = f"{spec.name} has no seat {unknown[0]}" if unknown else "no open seat is left to learn from"
        raise UsageError(
            f"{wrong}: its open seats are {', '.join(map(str, spec.open_seats))}; freeze fewer with "
            "--set frozen_seats='[…]'"
        )


def opponent_agents(spec: GameSpec, opponents: str) -> dict[str, Agent]:
    """The agents that the seatings of training name.

    Raises UsageError for one that is not known, or named and cannot play the game.
    """
    if opponents == LEARNER:
        raise UsageError(f"an opponent cannot be named {LEARNER!r}; use self for self-play")
    if opponents in ("house", "self", LEAGUE):
        return {"random": make_agent("random"), **house_agents([spec])}
    named = make_agent(opponents)
    refuse_unable(spec, [named], "name other opponents")
    return {opponents: named}
