"""A match that is played while it is watched: in a thread of its own, no faster than the viewer looks."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from arena.match.caller import PATIENCE_S
from arena.match.episode import EndReason, Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.referee import Referee
from arena.views.terminal.frames import Replay
from arena_agents import Agent, Observation

QUICK_S = 0.05  # an agent that answers within this is not shown thinking


class _ViewerLeftError(Exception):
    """The viewer has left; nobody needs the rest of the match."""


class LiveMatch:
    """Plays one match. `replay` is what has happened; nothing happens that nobody wants to see.

    Enter it to begin, leave it to give up on what has not been played.
    """

    def __init__(self, match: Match, agents: Mapping[str, Agent], config: MatchConfig | None = None) -> None:
        self._match, self._agents, self._config = match, agents, config
        self._replay = Replay(_before(match), over=False)
        self._error: BaseException | None = None
        self._wanted = -1
        self._left = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> LiveMatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._left = True
            self._changed.notify_all()
        self._thread.join(PATIENCE_S + 1)  # its agents' threads are given that long

    def replay(self) -> Replay:
        """The match as far as it has been played. Raises what went wrong outside of agents and game."""
        if self._error is not None:
            raise self._error
        return self._replay

    def want(self, position: int) -> None:
        """Let the match go on until there is a decision at this position, or it is over.

        Waits a moment for it, so that viewers of quick agents need not see them think.
        """
        if position > self._wanted:
            with self._changed:
                self._wanted = position
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._has(position), QUICK_S)

    def wait_for(self, position: int, timeout_s: float | None = None) -> Replay:
        """Want a position and wait until it is there, or the match is over, or the time is up."""
        self.want(position)
        with self._changed:
            self._changed.wait_for(lambda: self._has(position), timeout_s)
        return self.replay()

    def _has(self, position: int) -> bool:
        return self._error is not None or self._replay.over or self._replay.last > position

    def _work(self) -> None:
        try:
            for _ in play([self._match], self._agents, self._config, watch=self._show):
                pass
        except _ViewerLeftError:
            pass
        except BaseException as error:  # told to the viewer, whose thread it concerns
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _show(self, referee: Referee) -> None:
        """Publish how far the match has come, then hold it until the next decision is wanted."""
        replay = replay_so_far(referee)
        with self._changed:
            self._replay = replay
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._left or replay.over or self._wanted >= replay.last)
            if self._left:
                raise _ViewerLeftError


def replay_so_far(referee: Referee) -> Replay:
    """What has happened so far in the referee's match."""
    over = referee.observation is None
    return Replay(referee.episode(), over, referee.observation, _closing_view(referee) if over else None)


def _closing_view(referee: Referee) -> Observation | None:
    """What the seat that moved last sees in the end; None if the environment does not say."""
    episode = referee.episode()
    if not episode.steps or episode.end not in (EndReason.FINISHED, EndReason.TRUNCATED):
        return None
    last = episode.steps[-1].observation
    try:
        view = referee.env.observe(referee.env.possible_agents[last.seat])
        return Observation(last.game, last.seat, last.turn + 1, str(view["text"]), (), view.get("grid"))
    except Exception:  # environments need not answer for seats that are out
        return None


def _before(match: Match) -> Episode:
    seats = match.spec.seats
    return Episode(
        id=match.id,
        game=match.spec.name,
        version=match.spec.version,
        seed=match.seed,
        players=match.players,
        steps=(),
        returns=(0.0,) * seats,
        placements=(1,) * seats,
        successes=(False,) * seats,
        end=EndReason.FINISHED,
    )
