"""What is read of a request for a chat completion, as OpenAI defines it and vLLM extends it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from arena_agents.base import Sampling

__all__ = ["Request"]


class Part(BaseModel):
    """A part of a message: text is all that is read."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One message, its content a text or a list of them."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]

    @property
    def as_role(self) -> str:
        """The role as templates know it: a developer's is the system's."""
        return "system" if self.role == "developer" else self.role

    @property
    def text(self) -> str:
        """All of its parts."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class Request(BaseModel):
    """What is read of a request; what it holds beside is left alone."""

    messages: list[Message] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Literal[1] = 1
    stream: Literal[False] = False
    chat_template_kwargs: dict[str, Any] = {}

    def sampling(self, own: Sampling) -> Sampling:
        """The policy's own sampling, where nothing else is asked for."""
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or own.stop)
        return replace(
            own,
            stop=stop,
            decode="free",
            max_new_tokens=self.max_completion_tokens or self.max_tokens or own.max_new_tokens,
            temperature=own.temperature if self.temperature is None else self.temperature,
            top_p=own.top_p if self.top_p is None else self.top_p,
            top_k=own.top_k if self.top_k is None else max(0, self.top_k),
        )

    def said(self) -> list[dict[str, str]]:
        """The messages as chat templates take them."""
        return [{"role": message.as_role, "content": message.text} for message in self.messages]
