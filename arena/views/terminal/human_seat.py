"""A person at the table, on the whole screen: keys are moves, and the match waits for them."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence

from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.views.terminal.frames import Film
from arena.views.terminal.keys import END_OF_INPUT
from arena.views.terminal.live import LiveMatch
from arena.views.terminal.screen import show
from arena_agents import Agent, Observation, Reply
from arena_agents.human import RESIGNED, chosen
from arena_games.base import GameSpec, action_reply

FEW = 9  # actions that one digit can name


def play_on_screen(match: Match, agents: Mapping[str, Agent], config: MatchConfig, person: str) -> Episode:
    """Play the match with a person as the player `person`; what came of it, a resignation too."""
    seat = PersonsSeat(match.spec, match.players.index(person))
    with LiveMatch(match, {**agents, person: seat.agent}, config) as live:
        show(live, seat, f"{match.spec.name}: {match.spec.task}")
        seat.agent.say(Reply("", error=RESIGNED))  # who leaves resigns; after the end nobody listens
        while not (film := live.wait_for(live.film().last)).over:
            pass
        return film.episode


class Mouth(Agent):
    """Waits until somebody says something for it."""

    name = "human"

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[Reply] = queue.SimpleQueue()

    def say(self, reply: Reply) -> None:
        self._said.put(reply)

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [self._said.get() for _ in observations]


class PersonsSeat:
    """Turns keys into moves. q resigns, and leaves after the end.

    Arrows, W A S D and digits act at once where they name a move; names and longer numbers are typed
    and sent with Enter.
    """

    def __init__(self, spec: GameSpec, seat: int) -> None:
        self.agent = Mouth()
        self.position = self.wanted = 0
        self.done = False
        self._spec, self._seat = spec, seat
        self._typed = ""
        self._answered = -1
        self._over = False
        self._legal: tuple[int, ...] = ()

    shows_replies = False

    @property
    def status(self) -> str:
        return f"{self._typed}_" if self._typed else "your turn" if self._legal else ""

    @property
    def keys(self) -> str:
        if self._over:
            return "q or Enter: leave"
        moves = "  ".join(f"{action + 1} {self._spec.action_names[action]}" for action in self._legal)
        arrows = "arrows or WASD, " if "up" in self._spec.action_names else ""
        return f"{moves}   ({arrows}q resigns)"

    def tick(self, now: float, film: Film) -> None:
        """Look at what is newest, but not through the eyes of others while they think."""
        self.wanted, self._over = film.last, film.over
        asked = film.waiting is not None and film.waiting.seat == self._seat
        self._legal = film.waiting.legal if film.waiting and asked and self._answered < film.last else ()
        own = [position for position, step in enumerate(film.episode.steps) if step.seat == self._seat]
        self.position = film.last if asked or film.over or not own else own[-1]

    def press(self, key: str, film: Film) -> None:
        """Make a move, type on, or leave. Keys that come before it is one's turn are lost."""
        leaves = key in ("q", "Q") and not self._names_begin_with(self._typed + key)
        if key == END_OF_INPUT or leaves or (film.over and key == "enter"):
            self.done = True
        elif self._legal and film.waiting is not None:
            self._type(key, film.waiting, film.last)

    def _type(self, key: str, observation: Observation, position: int) -> None:
        at_once = not self._typed and (len(key) > 1 or len(self._spec.actions) <= FEW or not key.isdecimal())
        action = chosen(self._spec, observation, key) if at_once else None
        if key == "enter":
            action, self._typed = chosen(self._spec, observation, self._typed), ""
        elif key == "backspace":
            self._typed = self._typed[:-1]
        elif action is None:
            self._typed = self._typed + key if self._names_begin_with(self._typed + key) else ""
        if action is not None:
            self._typed, self._answered, self._legal = "", position, ()
            self.agent.say(Reply(action_reply(self._spec.action_names[action])))

    def _names_begin_with(self, typed: str) -> bool:
        names = (
            name for action in self._legal for name in (self._spec.action_names[action], str(action + 1))
        )
        return any(name.lower().startswith(typed.lower()) for name in names)
