"""The `dqn` agent: one deep Q-network a game, read from `Observation.grid`, played greedily.

A policy folder holds `agent.json` (a `DqnCard`) and `model.safetensors`; nothing is unpickled.
The networks are trained by `arena train GAME --agent dqn`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from arena_agents.base import Agent, Reply
from arena_agents.dqn.window import visible, windows
from arena_agents.files import check_regular, read_model
from arena_agents.limits import (
    LARGEST_SIDE,
    LONGEST_NAME,
    MOST_ACTIONS,
    MOST_PARAMETERS,
    MOST_PLANES,
    WIDEST_LAYER,
    WIDEST_VIEW,
)
from arena_games.base import GameSpec, Observation, UsageError, action_reply

WEIGHTS = "model.safetensors"
Planes = Annotated[int, Field(ge=1, le=MOST_PLANES)]
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
ActionName = Annotated[str, Field(max_length=LONGEST_NAME)]


class DqnCard(BaseModel):
    """`agent.json`: what a policy plays and how large its network is.

    `planes` is the shape (C, H, W) of the grids it reads, `actions` are the game's action names in
    order (their numbers where each position names its own), `radius` is how far the network sees from the
    seat's own piece, in cells; None for a board that is seen as it lies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["dqn"] = "dqn"
    version: Literal[1] = 1
    game: str = Field(max_length=LONGEST_NAME)
    planes: tuple[Planes, Side, Side]
    actions: tuple[ActionName, ...] = Field(min_length=1, max_length=MOST_ACTIONS)
    radius: int | None = Field(ge=1, le=WIDEST_VIEW)
    hidden: int = Field(ge=1, le=WIDEST_LAYER)

    @property
    def cells(self) -> int:
        """How many cells of the board the network sees: the window's, or all."""
        _, height, width = self.planes
        return height * width if self.radius is None else (2 * self.radius + 1) ** 2

    @model_validator(mode="after")
    def _of_bounded_size(self) -> DqnCard:
        """Before a network of it is made."""
        seen = (self.planes[0] + 1) * self.cells
        if (seen + self.hidden + len(self.actions)) * self.hidden > MOST_PARAMETERS:
            raise ValueError(f"the network would have more than {MOST_PARAMETERS:,} parameters")
        return self


class QNetwork(nn.Module):
    """A dueling network (Wang 2016) over the board as seen from the seat's own piece."""

    def __init__(self, card: DqnCard) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear((card.planes[0] + 1) * card.cells, card.hidden),
            nn.ReLU(),
            nn.Linear(card.hidden, card.hidden),
            nn.ReLU(),
        )
        self.value = nn.Linear(card.hidden, 1)
        self.advantage = nn.Linear(card.hidden, len(card.actions))

    def forward(self, windows_BN: Tensor) -> Tensor:
        """Action values (B, A) of what `arena_agents.dqn.window` sees."""
        features: Tensor = self.body(windows_BN)
        advantages_BA: Tensor = self.advantage(features)
        values_BA: Tensor = self.value(features) + advantages_BA - advantages_BA.mean(1, keepdim=True)
        return values_BA


def greedy_actions(values_BA: Tensor, legal_BA: Tensor) -> Tensor:
    """The legal action of the highest value in each row, (B,)."""
    return values_BA.masked_fill(~legal_BA, -torch.inf).argmax(1)


def legal_masks(legal_B: Iterable[tuple[int, ...]], actions: int) -> NDArray[np.bool_]:
    """Which of the actions are legal in each row, bool (B, A)."""
    return np.stack([_legal_mask(legal, actions) for legal in legal_B])


@lru_cache(maxsize=1024)  # most positions of a game allow the same few sets of actions
def _legal_mask(legal: tuple[int, ...], actions: int) -> NDArray[np.bool_]:
    mask_A = np.zeros(actions, np.bool_)
    mask_A[list(legal)] = True
    return mask_A


class DqnPolicy:
    """A card and the network it describes."""

    def __init__(self, card: DqnCard, network: QNetwork) -> None:
        self.card, self.network = card, network

    @classmethod
    def fresh(cls, card: DqnCard, seed: int) -> DqnPolicy:
        """A new network whose weights follow from `seed`; the global generator is left alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(card, QNetwork(card))

    @classmethod
    def load(cls, path: Path) -> DqnPolicy:
        """The policy in a folder. Raises UsageError if it cannot be read."""
        card = read_model(path / "agent.json", DqnCard, remedy="train the policy again")
        check_regular(path / WEIGHTS)
        try:
            policy = cls.fresh(card, seed=0)
            policy.network.load_state_dict(load_file(path / WEIGHTS))
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"cannot read the dqn policy in {path} ({reason}); train it again") from error
        return policy

    def save(self, path: Path) -> None:
        """Write the policy into an existing folder."""
        save_file(self.network.state_dict(), path / WEIGHTS)
        card = json.dumps(self.card.model_dump(), indent=2) + "\n"
        (path / "agent.json").write_text(card, encoding="utf-8")

    @torch.inference_mode()
    def choose(self, observations: Sequence[Observation]) -> list[int]:
        """The greedy action of each observation, in one forward pass. All must have grids."""
        grids_BCHW = np.stack([seen.grid for seen in observations if seen.grid is not None])
        legal_BA = legal_masks((seen.legal for seen in observations), len(self.card.actions))
        windows_BN = windows(visible(grids_BCHW), self.card.radius)
        values_BA = self.network(torch.from_numpy(windows_BN))
        chosen: list[int] = greedy_actions(values_BA, torch.from_numpy(legal_BA)).tolist()
        return chosen

    def reply(self, seen: Observation, action: int) -> Reply:
        """The action by name: the position's own one where it has one."""
        return Reply(action_reply(seen.name_of(action) if seen.names else self.card.actions[action]))


def _untrained(game: str) -> str:
    return f"dqn has no policy for {game}; train one with arena train {quote(game)} --agent dqn"


class DqnAgent(Agent):
    """Plays each game with the specialist that was trained on it."""

    name = "dqn"

    def __init__(self, policies: Mapping[str, DqnPolicy]) -> None:
        self.policies = dict(policies)

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        """One forward pass a game; an error reply where no specialist can read the board."""
        replies = [Reply("", error=self._obstacle(seen)) for seen in observations]
        for game, policy in self.policies.items():
            rows = [
                i for i, seen in enumerate(observations) if self._known(seen) == game and not replies[i].error
            ]
            if rows:
                actions = policy.choose([observations[row] for row in rows])
                for row, action in zip(rows, actions, strict=True):
                    replies[row] = policy.reply(observations[row], action)
        return replies

    def cannot_play(self, spec: GameSpec) -> str | None:
        """A specialist plays what it was trained on."""
        return None if {spec.name, spec.plain} & self.policies.keys() else _untrained(spec.plain or spec.name)

    def _known(self, seen: Observation) -> str:
        """The game whose specialist plays this one: in skins, the planes are those of the plain game."""
        plain = None if seen.spec is None else seen.spec.plain
        return seen.game if plain is None or seen.game in self.policies else plain

    def _obstacle(self, seen: Observation) -> str | None:
        """Why this observation cannot be played, with the remedy; None if it can."""
        policy = self.policies.get(self._known(seen))
        if policy is None:
            return _untrained(self._known(seen))
        if seen.grid is None or seen.grid.shape != policy.card.planes:
            shape = None if seen.grid is None else seen.grid.shape
            return f"dqn reads planes {policy.card.planes}, not {shape}; train it again on {seen.game}"
        return None
