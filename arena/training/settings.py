"""From what a user asks for to a run's config: defaults, presets, a file, `--set`, and named options."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from arena.match.seating import LEAGUE
from arena.training.config import LanguageConfig, MsgrpoConfig, TrainConfig, excerpt
from arena.training.dqn.config import DqnConfig, dqn_preset
from arena.training.export.export import Policy
from arena.training.language.start import check_start, start_policy, start_settings
from arena.training.layers import parse_settings, read_config_file, resolve
from arena.training.league.place import default_anchors
from arena.training.run_folder import RunFolder
from arena.training.sft.config import SftConfig, sft_settings
from arena_agents.address import without_address
from arena_agents.presets import PRESETS
from arena_games.base import UsageError
from arena_games.registry import find_game
from arena_games.variants import with_numbers

Language = TypeVar("Language", bound=LanguageConfig)

# What was measured to learn with the built-in model, on validation episodes: all weights rather
# than an adapter, larger steps, no KL penalty. Long games: a mean over episodes lets each step of
# an early death weigh as much as many of a long life, and the policy learns to be careful rather
# than to eat, so every token weighs the same; a step is credited with what follows it; and at a
# constant rate the return stood still, so it falls to almost nothing.
NANO = {"lora_rank": 0, "max_new_tokens": 8, "group_size": 8, "eval_every": 10}
NANO_SHORT = {"groups": 16, "steps": 80, "learning_rate": 3e-4}
NANO_LONG = {
    "groups": 8,
    "steps": 60,
    "learning_rate": 5e-4,
    "final_rate": 0.05,
    "credit": "return_to_go",
    "discount": 0.9,
    "loss_mean": "token",
    "micro_tokens": 4096,
}

KINDS: Mapping[Any, type[TrainConfig]] = {"msgrpo": MsgrpoConfig, "sft": SftConfig, "dqn": DqnConfig}


def agent_settings(agent: str, game: str) -> Mapping[str, Any]:
    """An agent's preset; empty for models that we have not measured."""
    if agent != "nano":
        return {}
    return {**NANO, **(NANO_SHORT if find_game(game).horizon <= 15 else NANO_LONG)}


def league_settings(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a league: the anchors that can play the game."""
    if asked.get("opponents") != LEAGUE:
        return {}
    return {"anchors": default_anchors(find_game(asked["game"]))}


def new_config(
    given: Mapping[str, Any], settings: Sequence[str] | Mapping[str, Any], config_file: Path | None
) -> MsgrpoConfig | DqnConfig:
    """Defaults, the agent's preset, the file, `--set`, and the named options, in this order."""
    asked = _asked(given, settings, config_file, "arena train GAME --agent AGENT")
    if asked["agent"] == "dqn":
        return resolve(DqnConfig, dqn_preset(asked["game"]), asked)
    model, policy = _trainable(str(asked["agent"]))
    start = start_settings(policy) if policy else {}
    met = league_settings(asked)
    config = resolve(MsgrpoConfig, agent_settings(model, asked["game"]), start, met, asked)
    return _checked(config, policy)


def new_sft_config(
    given: Mapping[str, Any], settings: Sequence[str] | Mapping[str, Any], config_file: Path | None
) -> SftConfig:
    """The same for teaching by example."""
    asked = _asked(given, settings, config_file, "arena sft GAME --agent AGENT --teacher TEACHER", "teacher")
    model, policy = _trainable(str(asked["agent"]))
    start = start_settings(policy) if policy else {}
    start.pop("max_new_tokens", None)  # what is taught is short, whatever was written before
    config = resolve(SftConfig, sft_settings(model), start, asked)
    return _checked(config, policy)


def _checked(config: Language, policy: Policy | None) -> Language:
    """The config, if it fits the policy to go on from, if any, and what is trained can take its steps."""
    if policy:
        check_start(policy, config)
    if config.lora_rank == 0 and config.dtype == "bfloat16":
        raise UsageError(
            "all weights in bfloat16 do not learn: it keeps 8 bits of a number, and AdamW's steps of "
            f"learning_rate={config.learning_rate:g} round to nothing; use --set dtype=float32, or an "
            "adapter with --set lora_rank=16"
        )
    return config


def layers(
    given: Mapping[str, Any], settings: Sequence[str] | Mapping[str, Any], config_file: Path | None
) -> dict[str, Any]:
    """The file, `--set`, and the named options, the later one winning; `game_set` becomes part of the game.

    Raises UsageError where there is no game to set it in.
    """
    file = read_config_file(config_file) if config_file else {}
    file.pop("algorithm", None)
    chosen = settings if isinstance(settings, Mapping) else parse_settings(list(settings))
    asked = {**file, **chosen, **given}
    numbers = asked.pop("game_set", ())
    if numbers and "game" not in asked:
        raise UsageError("which game? --game-set is for one that is named: arena train GAME --game-set …")
    return asked | {"game": with_numbers(str(asked["game"]), numbers)} if numbers else asked


def _asked(
    given: Mapping[str, Any],
    settings: Sequence[str] | Mapping[str, Any],
    config_file: Path | None,
    usage: str,
    *more: str,
) -> dict[str, Any]:
    """What the user says. Raises UsageError if game, agent, or one `more` is missing, or no such game is."""
    asked = layers(given, settings, config_file)
    for needed in ("game", "agent", *more):
        if needed not in asked:
            raise UsageError(f"which {needed}? {usage}")
        if not isinstance(asked[needed], str):
            raise UsageError(f"bad value {excerpt(asked[needed])} for {needed}: it should be a name")
    return asked | {"game": find_game(asked["game"]).name}


def _trainable(agent: str) -> tuple[str, Policy | None]:
    """The model that is trained, and the policy that training goes on from, if one is named."""
    policy = start_policy(agent)
    if policy is not None:
        return policy.base, policy
    model = without_address(agent)
    if model not in PRESETS and not model.startswith("hf:"):
        near = difflib.get_close_matches(model, ["dqn", *PRESETS], n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"cannot train {agent!r}; {meant}trainable: dqn, {', '.join(PRESETS)}, hf:MODEL, or the folder "
            "of a trained policy, all but dqn with @URL of a vLLM server if it shall play"
        )
    return model, None


def stored_config(run: RunFolder) -> TrainConfig:
    """The config of an existing run."""
    stored = run.config()
    algorithm = stored.pop("algorithm", None)
    if not isinstance(algorithm, str) or algorithm not in KINDS:
        found = excerpt(algorithm)
        raise UsageError(f"{run.path} was made by another version (algorithm {found}); train it again")
    kind = KINDS[algorithm]
    config = resolve(kind, stored)
    if "confirm_episodes" not in stored and isinstance(config, LanguageConfig) and config.further_episodes:
        return config.model_copy(update={"confirm_episodes": 0})  # it chose on a look's own, and goes on so
    return config
