"""An environment in disguise: the same moves, rewards and numeric views, texts and names in a skin."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.wrappers import BaseWrapper

from arena_games.skins.drawn import Skin
from arena_games.turns import LONGEST_NAME, LONGEST_TEXT, AnyText


class SkinnedEnv(BaseWrapper):  # type: ignore[misc]
    """Another environment of the house, each episode of it in the skin that its seed picks.

    `skin_of` gives the skin of an episode's seed; `listed` are the actions' plain names in a game that
    always has the same ones, else empty: the position then names them.
    """

    def __init__(self, env: Any, skin_of: Callable[[int | None], Skin], listed: tuple[str, ...]) -> None:
        super().__init__(env)
        self._skin_of, self._listed = skin_of, listed
        self._skin: Skin | None = None

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self._skin = self._skin_of(seed)
        super().reset(seed=seed, options=options)

    def observe(self, agent: str) -> dict[str, Any]:
        assert self._skin is not None
        plain = self.env.observe(agent)
        legal = np.flatnonzero(plain["action_mask"]).tolist()
        names = [self._listed[action] for action in legal] if self._listed else plain["action_names"]
        return {**plain, "text": self._skin.text(plain["text"]), "action_names": self._skin.names(names)}

    @cached_property
    def _observed(self) -> spaces.Dict:
        plain = self.env.observation_space(self.env.possible_agents[0])
        names = spaces.Sequence(AnyText(LONGEST_NAME, min_length=0))
        return spaces.Dict(
            {**plain.spaces, "text": AnyText(LONGEST_TEXT, min_length=0), "action_names": names}
        )

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._observed

    def render(self) -> str:
        text: str = self.observe(self.agent_selection)["text"]
        return text
