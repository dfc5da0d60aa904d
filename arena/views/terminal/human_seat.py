"""A human's seat, on the whole screen: keys are moves, and the match waits for them."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence

from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.views.terminal.frames import Replay
from arena.views.terminal.keys import END_OF_INPUT
from arena.views.terminal.live import LiveMatch
from arena.views.terminal.screen import show
from arena_agents import Agent, Observation, Reply
from arena_agents.human import RESIGNED, chosen, has_arrows, moves
from arena_games.base import GameSpec, action_reply

FEW = 9  # actions that one digit can name


def play_on_screen(match: Match, agents: Mapping[str, Agent], config: MatchConfig, human: str) -> Episode:
    """Play the match with a human as the player `human`; what came of it, a resignation too."""
    seat = HumanSeat(match.spec, match.players.index(human))
    with LiveMatch(match, {**agents, human: seat.agent}, config) as live:
        show(live, seat, f"{match.spec.name}: {match.spec.task}")
        seat.agent.say(Reply("", error=RESIGNED))  # who leaves resigns; after the end nobody listens
        while not (replay := live.wait_for(live.replay().last)).over:
            pass
        return replay.episode


class SeatAgent(Agent):
    """The human as the match sees one: waits until a reply is said for it."""

    name = "human"

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[Reply] = queue.SimpleQueue()

    def say(self, reply: Reply) -> None:
        self._said.put(reply)

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [self._said.get() for _ in observations]


class HumanSeat:
    """Turns keys into moves. q resigns, and leaves after the end.

    Arrows, W A S D and digits act at once where they name a move; names and longer numbers are typed
    and sent with Enter.
    """

    def __init__(self, spec: GameSpec, seat: int) -> None:
        self.agent = SeatAgent()
        self.position = self.wanted = 0
        self.done = False
        self._spec, self._seat = spec, seat
        self._typed = ""
        self._answered = -1
        self._over = False
        self._asked: Observation | None = None

    shows_replies = False

    @property
    def status(self) -> str:
        return f"{self._typed}_" if self._typed else "your turn" if self._asked else ""

    @property
    def keys(self) -> str:
        if self._over:
            return "q or Enter: leave"
        offered = moves(self._asked) if self._asked else []
        arrows = "arrows or WASD, " if has_arrows(self._spec.action_names) else ""
        return f"{'  '.join(offered)}   ({arrows}q resigns)"

    def tick(self, now: float, replay: Replay) -> None:
        """Look at what is newest, but not through the eyes of others while they think."""
        self.wanted, self._over = replay.last, replay.over
        asked = replay.waiting is not None and replay.waiting.seat == self._seat
        self._asked = replay.waiting if asked and self._answered < replay.last else None
        own = [position for position, step in enumerate(replay.episode.steps) if step.seat == self._seat]
        self.position = replay.last if asked or replay.over or not own else own[-1]

    def press(self, key: str, replay: Replay) -> None:
        """Make a move, type on, or leave. Keys that come before it is one's turn are lost."""
        leaves = key in ("q", "Q") and not self._names_begin_with(self._typed + key)
        if key == END_OF_INPUT or leaves or (replay.over and key == "enter"):
            self.done = True
        elif self._asked is not None:
            self._type(key, self._asked, replay.last)

    def _type(self, key: str, observation: Observation, position: int) -> None:
        few = 0 < len(observation.legal_names) <= FEW and bool(observation.legal)
        at_once = not self._typed and (len(key) > 1 or few or not key.isdecimal())
        action = chosen(observation, key) if at_once else None
        if key == "enter":
            action, self._typed = chosen(observation, self._typed), ""
        elif key == "backspace":
            self._typed = self._typed[:-1]
        elif action is None:
            self._typed = self._typed + key if self._names_begin_with(self._typed + key) else ""
        if action is not None:
            self._typed, self._answered, self._asked = "", position, None
            self.agent.say(Reply(action_reply(observation.name_of(action))))

    def _names_begin_with(self, typed: str) -> bool:
        asked = self._asked
        if asked is None:
            return False
        if not asked.legal:
            return typed.lower() != "q"  # of free text anything else may come
        numbers = (str(number) for number in (range(1, len(asked.names) + 1) or [a + 1 for a in asked.legal]))
        names = (*asked.legal_names, *numbers)
        return any(name.lower().startswith(typed.lower()) for name in names)
