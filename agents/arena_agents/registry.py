"""From what a user types to an agent.

random, search            built in
mcts, mcts:N              OpenSpiel's tree search, with N simulations a move
cfr, cfr:N                OpenSpiel's CFR+ for Kuhn and Leduc poker, N iterations
nano, qwen0.5b … qwen72b  language models with a preset
hf:PATH-OR-ID             any Hugging Face causal language model
SPEC@URL                  a model behind an OpenAI-compatible server: a preset, or the server's name
DIR                       a run folder of ours, or one policy inside it
module:Class, FILE.py:Class   a class of the user's, with arguments if it takes some: `FILE.py:Class(k=3)`
NAME                      an entry point `tmsg_arena.agents` of an installed plug-in

Any language model's may end in settings: `nano[decode=choice]`. The last two play in processes of their own.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import Any

from arena_agents.address import is_address
from arena_agents.base import Agent
from arena_agents.engines.base import EngineName
from arena_agents.presets import PRESETS
from arena_agents.random import RandomAgent
from arena_agents.sandbox import Sandbox, Sandboxed
from arena_agents.search import SearchAgent
from arena_agents.spec import decode_of, split_call, split_spec, template_settings
from arena_games.base import UsageError
from arena_games.loading import load_object, named_in

__all__ = ["BUILT_IN", "agent_names", "check_agent", "is_code", "make_agent"]

BUILT_IN: dict[str, Callable[[], Agent]] = {"random": RandomAgent, "search": SearchAgent}
# By the word before the colon: the module, and what makes the agent of a spec.
OF_OPENSPIEL = {
    "mcts": ("arena_agents.openspiel.mcts", "make_mcts"),
    "cfr": ("arena_agents.openspiel.cfr", "make_cfr"),
}


@cache
def _plug_ins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="tmsg_arena.agents")}


def agent_names() -> list[str]:
    """Every name that `make_agent` knows without a path: built in, presets, plug-ins."""
    return [*BUILT_IN, *OF_OPENSPIEL, *PRESETS, *_plug_ins()]


def make_agent(
    spec: str,
    *,
    template: Path | None = None,
    engine: EngineName = "transformers",
    sandbox: Sandbox | None = None,
) -> Agent:
    """The agent that `spec` names; `template` overrides a language agent's prompt template.

    `engine` draws a language model's replies; `auto` is what is installed and present. `sandbox` says how
    an agent that is not ours is run: by default in a process of its own. Raises UsageError, with the remedy,
    if nothing is known by that name, it cannot be loaded, or it does not take the settings in the spec's
    brackets.
    """
    sandbox = sandbox or Sandbox()
    if is_foreign(spec) and not sandbox.in_process and hasattr(os, "fork"):
        return Sandboxed(spec, sandbox)
    return with_settings(_make(split_spec(spec)[0], template, engine), spec)


def is_foreign(spec: str) -> bool:
    """Whether a spec names somebody's class, or a plug-in, and no agent of this package."""
    bare = split_spec(spec)[0]
    plug_in = bare in _plug_ins() and bare not in BUILT_IN and bare not in PRESETS and not Path(bare).is_dir()
    return plug_in or is_code(spec)


def is_code(spec: str) -> bool:
    """Whether making the agent would import Python that no package has registered."""
    bare = split_spec(spec)[0]
    known = bare in agent_names() or is_address(bare) or bare.partition(":")[0] in ("hf", *OF_OPENSPIEL)
    return ":" in bare and not known and not Path(bare).is_dir()


def check_agent(spec: str) -> None:
    """Raise the UsageError that `make_agent` would, without reading a language model's weights.

    Weights that are broken are found only when they are read. Not for `is_foreign` specs, which are to be
    made elsewhere.
    """
    with_settings(_make(split_spec(spec)[0], None, "transformers", weights=False), spec)


def with_settings(agent: Agent, spec: str) -> Agent:
    """The agent as the brackets of its spec have it: itself, or a twin with the same engine.

    Raises UsageError if it is no language model, or its engine cannot draw replies so.
    """
    bare, settings = split_spec(spec)
    if isinstance(agent, Sandboxed):
        return agent.respecified(spec) if settings else agent
    decode, template = decode_of(spec), template_settings(spec)
    if decode is not None:
        agent = _twin(agent, "decoding", bare, f"decode={decode}")(decode)
    if template:
        agent = _twin(agent, "prompted", bare, "chat_template")(template)
    if "thinking_tokens" in settings:
        agent = _twin(agent, "thinking", bare, "thinking_tokens")(int(settings["thinking_tokens"]))
    if "template" in settings:
        from arena_agents.language.template import load_template

        agent = _twin(agent, "worded", bare, "template")(load_template(Path(settings["template"])))
    if "draws" in settings:
        agent = _twin(agent, "redrawn", bare, "draws")(int(settings["draws"]))
    return agent


def _twin(agent: Agent, how: str, spec: str, setting: str) -> Callable[[Any], Agent]:
    made: Callable[[Any], Agent] | None = getattr(agent, how, None)
    if made is None:
        raise UsageError(f"{setting} is for language models, and {spec} is none")
    return made


def _make(spec: str, template: Path | None, engine: EngineName, *, weights: bool = True) -> Agent:
    if spec in BUILT_IN:
        return BUILT_IN[spec]()
    if spec.partition(":")[0] in OF_OPENSPIEL:
        return _of_openspiel(spec)
    if is_address(spec):
        from arena_agents.language.api_agent import load_server_agent

        return load_server_agent(spec, template=template)
    if spec in PRESETS or spec.startswith("hf:"):
        from arena_agents.language.agent import load_language_agent

        return load_language_agent(spec, template=template, engine=engine, weights=weights)
    if Path(spec).is_dir():
        from arena_agents.policy import load_policy

        return load_policy(Path(spec), template=template, engine=engine, weights=weights)
    if spec in _plug_ins():
        return _built(spec, lambda: _plug_ins()[spec].load()())
    if ":" in spec:
        return _of_class(spec)
    raise UsageError(f"unknown agent {spec!r}; {_hint(spec)}")


def _of_openspiel(spec: str) -> Agent:
    if find_spec("pyspiel") is None:
        raise UsageError(f"{spec} needs the package open_spiel; pip install 'tmsg-arena[openspiel]'")
    module, maker = OF_OPENSPIEL[spec.partition(":")[0]]
    made: Agent = getattr(import_module(module), maker)(spec)
    return made


def _hint(spec: str) -> str:
    base, _, learned = spec.rpartition("+")
    if spec == "dqn" or base:
        game = quote(learned) if base else "GAME"
        how = f"arena train {game} --agent {quote(base or spec)}"
        return f"train it with {how}, then name the run's folder"
    if spec.endswith(".py"):
        return named_in(spec, "class", "CLASS")
    near = difflib.get_close_matches(spec, agent_names(), n=1)
    if spec.count("/") == 1 and not spec.startswith("."):  # a folder that is not there, or a hub's id
        folder = "no such folder" if near else "no such folder (arena list runs)"
        return f"{f'did you mean {near[0]!r}? ' if near else ''}{folder}; a model of the hub is hf:{spec}"
    if "/" in spec:
        return "no such folder; arena list runs shows those of runs"
    if near:
        return f"did you mean {near[0]!r}?"
    forms = "a run folder, hf:MODEL, MODEL@URL, module:Class or file.py:Class"
    return f"known: {', '.join(agent_names())}, {forms}"


def _of_class(spec: str) -> Agent:
    reference, arguments, named = split_call(spec)
    return _built(spec, partial(load_object(reference), *arguments, **named))


def _built(spec: str, factory: Callable[[], Agent]) -> Agent:
    try:
        agent = factory()
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"cannot make agent {spec!r}: {type(error).__name__}: {error}") from error
    if not callable(getattr(agent, "act", None)) or not hasattr(agent, "name"):
        raise UsageError(f"{spec!r} is no agent; subclass arena_agents.Agent and define choose() or act()")
    return agent
