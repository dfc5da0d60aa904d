"""A seat of a game as an OpenEnv server: `uvicorn.run(app("snake-duel"), port=8000)`.

OpenEnv's own clients reset, step and read the state over a websocket; each of them has an episode of its
own. Needs `openenv`, 0.10, which cannot be installed beside `verifiers`.
"""

from __future__ import annotations

import secrets
from typing import Any

from arena.faces.session import Moved, Session
from arena.match.seeds import Split, episode_seed
from arena_agents import Observation as Shown
from arena_games.base import UsageError, action_reply, points

try:
    from openenv.core.env_server import create_app
    from openenv.core.env_server.interfaces import Environment
    from openenv.core.env_server.types import Action, Observation, State
except ImportError as error:
    raise UsageError(
        "OpenEnv's server needs the package openenv; pip install 'tmsg-arena[openenv]'"
    ) from error

__all__ = ["Move", "Seen", "TmsgEnvironment", "app"]

AT_ONCE = 64  # episodes under way


class Move(Action):  # type: ignore[misc]
    """A legal action by its name; anything else costs a random legal one in its place."""

    action: str


class Seen(Observation):  # type: ignore[misc]
    """What the seat sees, and may play; after the last move, no text and nothing to play.

    `invalid` says why the last move could not be played. `outcome` is there at the end: `return`, `place`
    and `success`.
    """

    text: str = ""
    legal_actions: tuple[str, ...] = ()
    invalid: str | None = None
    outcome: dict[str, float | int | bool] | None = None


class TmsgEnvironment(Environment):  # type: ignore[misc]
    """One seat; agents of ours hold the others. Episodes come from the seeds for training.

    Raises UsageError for unknown games and agents.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, game: str, *, seat: int = 0, opponent: str = "random") -> None:
        super().__init__()
        self._session = Session(game, seat=seat, opponent=opponent)
        self._state = State()

    def reset(self, seed: int | None = None, episode_id: str | None = None, **kwargs: Any) -> Seen:
        """Begin the episode of this seed, of any seed if none is given."""
        seed = secrets.randbelow(2**31) if seed is None else seed
        self._state = State(episode_id=episode_id or str(seed))
        return _seen(self._session.new_game(episode_seed(Split.TRAIN, seed)))

    def step(self, action: Move, timeout_s: float | None = None, **kwargs: Any) -> Seen:
        """Play a move, and the others' moves until it is this seat's turn again."""
        moved = self._session.move(action_reply(action.action))
        self._state.step_count += 1
        return self._ended(moved) if moved.observation is None else _seen(moved.observation, moved)

    @property
    def state(self) -> State:
        return self._state

    def _ended(self, moved: Moved) -> Seen:
        episode, seat = self._session.episode, self._session.seat
        outcome = {
            "return": points(episode.returns[seat]),
            "place": episode.placements[seat],
            "success": episode.successes[seat],
        }
        return Seen(done=True, reward=moved.reward, invalid=moved.invalid, outcome=outcome)


def _seen(shown: Shown, moved: Moved | None = None) -> Seen:
    return Seen(
        text=shown.text,
        legal_actions=tuple(shown.legal_names),
        reward=moved.reward if moved else None,
        invalid=moved.invalid if moved else None,
    )


def app(game: str, *, seat: int = 0, opponent: str = "random") -> Any:
    """An ASGI application; every client that connects has a seat at a table of its own.

    Raises UsageError for unknown games and agents.
    """
    TmsgEnvironment(game, seat=seat, opponent=opponent)  # what was mistyped is told now, not to a client

    def table() -> TmsgEnvironment:
        return TmsgEnvironment(game, seat=seat, opponent=opponent)

    return create_app(table, Move, Seen, env_name=f"tmsg-{game}", max_concurrent_envs=AT_ONCE)
