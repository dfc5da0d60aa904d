"""`agent.json` of a language policy: what it says of itself, checked before anything is made by it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from arena_agents.base import Decode, Sampling
from arena_agents.files import read_model
from arena_agents.language.chat import ChatFormat
from arena_agents.limits import (
    LARGEST_SETTINGS,
    LONGEST_NAME,
    LONGEST_STOP,
    MOST_REPLY_TOKENS,
    MOST_STOPS,
)

CARD = "agent.json"
REMEDY = "train the policy again"

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Stop = Annotated[str, Field(min_length=1, max_length=LONGEST_STOP)]


class SamplingCard(BaseModel):
    """How its replies are drawn, as `Sampling`; what older programs did not store is as it was then."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    temperature: float = Field(1.0, ge=0, le=1000)
    top_k: int = Field(0, ge=0, le=2**31)
    top_p: float = Field(1.0, gt=0, le=1)
    max_new_tokens: int = Field(256, ge=1, le=MOST_REPLY_TOKENS)
    stop: tuple[Stop, ...] = Field(Sampling().stop, max_length=MOST_STOPS)
    decode: Decode = "free"
    thinking_tokens: int = Field(Sampling().thinking_tokens, ge=0, le=MOST_REPLY_TOKENS)


class ChatCard(BaseModel):
    """How messages become prompts, as `ChatFormat`; where none is stored, they are given as they are."""

    model_config = ConfigDict(extra="forbid")

    plain: bool = False
    folded: bool = False
    settings: dict[str, Any] = Field(default={}, max_length=100)


class LanguageCard(BaseModel):
    """A policy: the model that it is made of, what it was trained on, and how it is asked."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["language"]
    base: Name
    trained_on: Name
    adapter: bool
    template: str = Field(max_length=LARGEST_SETTINGS)
    sampling: SamplingCard
    chat: ChatCard = ChatCard()
    dtype: Name | None = None  # in which it was trained

    def drawn(self) -> Sampling:
        """The generation config."""
        return Sampling(**self.sampling.model_dump())

    def format(self) -> ChatFormat:
        """The chat format."""
        return ChatFormat(**self.chat.model_dump())


def read_card(folder: Path) -> LanguageCard:
    """The card in a policy's folder. Raises UsageError, naming the file and the first wrong field."""
    return read_model(folder / CARD, LanguageCard, remedy=REMEDY)
