"""Games as Gymnasium environments: `import arena.faces.gym`, then `gymnasium.make("tmsg/Snake-v0")`.

One open seat is the environment's, the others are held by an agent of ours. `v0` is the version of these
spaces; the game's own is `env.unwrapped.metadata["version"]`. Episodes come from the seeds for training,
so that what is learned here can be measured by a tournament on seeds that were never met.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from arena.faces.session import Session
from arena.match.episode import EndReason
from arena.match.seeds import Split, episode_seed
from arena_agents import Observation
from arena_games.base import action_reply
from arena_games.registry import BUILT_IN

__all__ = ["PARTS", "TmsgEnv", "register"]

PARTS = ("text", "grid", "action_mask")


class TmsgEnv(gymnasium.Env[dict[str, Any], int]):  # type: ignore[misc]
    """One seat of a game. Observations are a Dict of the `parts`; actions are positions in the game's names.

    `parts` without `"text"` suit libraries that know no Text space. `seat` counts the open seats; `opponent`
    is any agent's spec. An action that is not legal is replaced by a random legal one, and `info["invalid"]`
    says why; after the last step `info` holds `placements` and `success`.
    Raises UsageError for unknown games and agents.
    """

    # Gymnasium reads it of the class and of an environment, so it is no ClassVar.
    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        game: str,
        *,
        seat: int = 0,
        opponent: str = "random",
        parts: Collection[str] = PARTS,
        render_mode: str | None = None,
    ) -> None:
        self._session = Session(game, seat=seat, opponent=opponent)
        spec = self._session.spec
        env = spec.make_env()
        whole = env.observation_space(env.possible_agents[self._session.seat])
        self._parts = tuple(part for part in parts if part in whole.spaces)
        self.observation_space = spaces.Dict({part: whole[part] for part in self._parts})
        self.action_space = spaces.Discrete(len(spec.action_names))
        self.metadata = {**self.metadata, "name": spec.name, "version": spec.version}
        self.render_mode = render_mode
        self._last: Observation | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**31))
        self._last = self._session.new_game(episode_seed(Split.TRAIN, drawn))
        return self._seen(), {}

    def step(self, action: int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        name = self._session.spec.action_names[int(action)]
        moved = self._session.move(action_reply(name))
        info: dict[str, Any] = {} if moved.invalid is None else {"invalid": moved.invalid}
        over = moved.observation is None
        self._last = moved.observation or self._last
        truncated = False
        if over:
            episode = self._session.episode
            truncated = episode.end == EndReason.TRUNCATED
            info |= {"placements": episode.placements, "success": episode.successes[self._session.seat]}
        return self._seen(), moved.reward, over and not truncated, truncated, info

    def render(self) -> str | None:
        return self._last.text if self._last and self.render_mode == "ansi" else None

    def _seen(self) -> dict[str, Any]:
        """The last observation; at the end, the one before the last move: seats see nothing after it."""
        seen = self._last
        assert seen is not None
        mask = np.zeros(len(seen.action_names), np.int8)
        mask[list(seen.legal)] = 1
        grid = None if seen.grid is None else seen.grid.copy()  # who gets it may change it
        views = {"text": seen.text, "grid": grid, "action_mask": mask}
        return {part: views[part] for part in self._parts}


def register() -> None:
    """Make the built-in games known to Gymnasium, each as `tmsg/NAME-v0`."""
    for spec in BUILT_IN:
        name = "".join(word.capitalize() for word in spec.name.split("-"))
        if f"tmsg/{name}-v0" not in gymnasium.registry:
            gymnasium.register(
                f"tmsg/{name}-v0", entry_point="arena.faces.gym:TmsgEnv", kwargs={"game": spec.name}
            )


register()
