"""`ServerAgent`: a language agent whose model answers at an OpenAI-compatible chat endpoint."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from arena_agents.address import parse_address
from arena_agents.api.client import Answer, ServerClient
from arena_agents.api.completion import Completion, read_completion
from arena_agents.api.models import Served, served_model
from arena_agents.api.prices import Price, load_prices
from arena_agents.api.settings import Settings
from arena_agents.base import Agent, Decode, Reply, Sampling, Usage
from arena_agents.language.choices import legal_replies
from arena_agents.language.draws import seeds_of
from arena_agents.language.template import PromptTemplate, load_template
from arena_games.base import Observation, UsageError

SEEDS = 2**31  # that servers take
# Left out where a server refuses them; the limit of a reply's length is then called by its newer name.
OPTIONAL = ("max_tokens", "temperature", "top_p", "seed", "top_k", "min_p", "repetition_penalty")


class ServerAgent(Agent):
    """Prompts a served model with chat messages and returns what it answers.

    The answer is cut after the first stop string here, not by the server: servers leave the string
    itself out, and would look for it in a model's reasoning too.
    """

    remote = True

    def __init__(
        self,
        client: ServerClient,
        model: Served,
        template: PromptTemplate,
        *,
        sampling: Sampling | None = None,
        price: Price | None = None,
    ) -> None:
        self.client, self.model, self.template, self.draws = client, model, template, 0
        self.sampling = sampling or Sampling()
        self.price = price
        self.chat_template: Mapping[str, Any] = {}
        self.at_once = client.concurrency

    def decoding(self, decode: Decode) -> ServerAgent:
        """The same agent, its replies drawn so. By `choice` a server masks the tokens that lead elsewhere.

        Raises UsageError for a server that is not known to.
        """
        if decode == "choice" and not self.model.vllm:
            raise UsageError(
                f"{self.client.address.url} is no vLLM server, which decode=choice needs; use --decode free"
            )
        twin = copy.copy(self)
        twin.sampling = replace(self.sampling, decode=decode)
        return twin

    def prompted(self, settings: Mapping[str, Any]) -> ServerAgent:
        """The same agent, with these settings for the chat template that its server uses, too."""
        twin = copy.copy(self)
        twin.chat_template = {**self.chat_template, **settings}
        return twin

    def thinking(self, tokens: int) -> ServerAgent:
        """Raises UsageError: a server counts thoughts and answers together."""
        raise UsageError(
            f"{self.client.address.url} bounds no thoughts; leave thinking_tokens out, and bound the whole "
            "reply with ARENA_API_MAX_TOKENS"
        )

    def worded(self, template: PromptTemplate) -> ServerAgent:
        """The same agent, with other words around an observation."""
        twin = copy.copy(self)
        twin.template = template
        return twin

    def redrawn(self, draws: int) -> ServerAgent:
        """The same agent, whose replies are other draws: `draws` is mixed into their seeds."""
        twin = copy.copy(self)
        twin.draws = draws
        return twin

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        """One reply per observation, asked for side by side; an error reply where none could be had."""
        bodies = [self._body(observation) for observation in observations]
        read = partial(read_completion, stop=self.sampling.stop)
        answers = self.client.ask("chat/completions", bodies, read, optional=OPTIONAL)
        return [self._reply(answer) for answer in answers]

    def _body(self, observation: Observation) -> dict[str, Any]:
        messages = self.template.messages(observation.known_spec(), observation)
        body: dict[str, Any] = {
            "model": self.model.name,
            "messages": [{**message, "content": _sendable(message["content"])} for message in messages],
            "max_tokens": self.sampling.max_new_tokens,
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "seed": folded(seeds_of([observation], self.draws)[0]),
        }
        if self.sampling.top_k:
            body["top_k"] = self.sampling.top_k
        if self.chat_template:
            body["chat_template_kwargs"] = dict(self.chat_template)
        if self.sampling.decode == "choice":
            body["structured_outputs"] = {"choice": legal_replies(observation)}
        return self._pinned() | body if self.model.vllm else body

    def _pinned(self) -> dict[str, Any]:
        """What vLLM would otherwise take from the model's own generation config."""
        return {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}

    def _reply(self, answer: Answer[Completion]) -> Reply:
        retries, found = max(0, answer.requests - 1), answer.value
        if found is None:
            lost = Usage(None, None, retries=retries, finish="error") if answer.requests else None
            return Reply("", error=answer.error, usage=lost, passing=answer.passing)
        usage = Usage(
            found.prompt_tokens,
            found.completion_tokens,
            found.reasoning_tokens,
            self.price.cost(found.prompt_tokens, found.completion_tokens) if self.price else None,
            retries,
            found.finish,
        )
        thought = None if found.reasoning is None else self.client.without_key(found.reasoning)
        return Reply(self.client.without_key(found.text), usage=usage, reasoning=thought)


def load_server_agent(
    spec: str, *, template: Path | None = None, environment: Mapping[str, str] = os.environ
) -> ServerAgent:
    """The agent that `SPEC@URL` names; the environment holds the key and the settings.

    Raises UsageError if its server cannot be used or lacks the model.
    """
    words, prices, settings = load_template(template), load_prices(environment), Settings.read(environment)
    client = ServerClient(parse_address(spec), settings)
    model = served_model(client)
    sampling = Sampling(max_new_tokens=settings.max_tokens)
    return ServerAgent(client, model, words, sampling=sampling, price=prices.get(model.name))


def folded(seed: int) -> int:
    """A decision's seed in the 31 bits that servers take."""
    return seed % SEEDS


def _sendable(text: str) -> str:
    """The text as UTF-8 can carry it: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
