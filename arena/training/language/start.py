"""What a run starts from: a model, or a policy that was trained before, which the run keeps a copy of.

A policy of all weights goes on as it is. From an adapter there are two ways on:

    adapter=keep    (default) that adapter is trained on, at its own rank; the base stays what it was
    adapter=merge   it is added to the weights of its base, and those are what is trained: all of them
                    (`lora_rank=0`), or by a fresh adapter of any rank

Either way a KL penalty (β of MS-GRPO) is to the policy that the run starts from, not to the model that
this one was once made of. The copy lies in the run's `start/`, so that a run can be resumed whatever
becomes of the run that it started from.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.machine.copies import copy_folder
from arena.machine.files import put_in_place, write_json
from arena.training.config import LanguageConfig
from arena.training.export.export import Policy, merge_policy
from arena_agents.address import without_address
from arena_agents.causal_lm.adapter_config import read_adapter
from arena_agents.files import read_json
from arena_agents.language.chat import ChatFormat
from arena_agents.presets import PRESETS, model_source
from arena_games.base import UsageError

FOLDER = "start"
# What the generation config of a run is taken over from.
SAMPLING = ("temperature", "max_new_tokens", "thinking_tokens", "decode")


@dataclass(frozen=True, slots=True)
class Start:
    """The model's `source` (a folder or hub id), the spec that policies of the run name as their `base`,
    and the folder of the adapter that is trained on, if any. A policy goes on being prompted by the `chat`
    format that it was trained in; of a model it is found out.
    """

    source: str
    base: str
    adapter: Path | None = None
    chat: ChatFormat | None = None

    @classmethod
    def of(cls, config: LanguageConfig, run: Path) -> Start:
        """Where the run in this folder starts. Raises UsageError if its copy cannot be read."""
        folder = run / FOLDER
        if not folder.is_dir():
            return cls(model_source(config.agent), config.agent)
        policy = Policy.read(folder)
        if policy.adapter:
            return cls(policy.source, policy.base, folder, policy.chat)
        return cls(str(folder.resolve()), f"hf:{folder.resolve()}", chat=policy.chat)


def start_policy(agent: str) -> Policy | None:
    """The policy that `--agent` names, by a run's folder or one in it, with or without `@URL`; else None.

    Raises UsageError if the folder holds no language policy.
    """
    path = without_address(agent)
    if path in PRESETS or not Path(path).is_dir():
        return None
    try:
        return Policy.read(Path(path))
    except UsageError:
        if (Path(path) / "config.json").is_file() and not (Path(path) / "metrics.jsonl").is_file():
            raise UsageError(f"{path} holds a model, not a policy; name it as hf:{path}") from None
        raise


def start_source(agent: str) -> str:
    """The folder or hub id of the weights that training `agent` begins with, an adapter left aside."""
    policy = start_policy(agent)
    if policy is None:
        return model_source(agent)
    return policy.source if policy.adapter else str(policy.folder)


def start_settings(policy: Policy) -> dict[str, Any]:
    """The settings that a run takes over from the policy that it starts from, unless others are given."""
    taken = {key: policy.sampling[key] for key in SAMPLING if key in policy.sampling}
    if not taken.get("temperature"):  # greedy play is no way to explore
        taken.pop("temperature", None)
    size = _adapter_size(policy) if policy.adapter else {"lora_rank": 0}
    return {**taken, "chat_template": dict(policy.chat.settings), **size}


def _adapter_size(policy: Policy) -> dict[str, int]:
    adapter = read_adapter(policy.folder)
    return {"lora_rank": adapter.r, "lora_alpha": int(adapter.lora_alpha)}


def check_start(policy: Policy, config: LanguageConfig) -> None:
    """Raises UsageError for settings that do not fit the policy that training goes on from."""
    if not policy.adapter or config.adapter == "merge":
        return
    for name, own in _adapter_size(policy).items():
        if getattr(config, name) != own:
            raise UsageError(
                f"{config.agent} is an adapter with {name}={own}, and training goes on with it; leave "
                f"{name}={getattr(config, name)} out, or add --set adapter=merge"
            )


def copy_start(policy: Policy, config: LanguageConfig, run: Path) -> None:
    """Put what the run starts from into its folder: the policy as it is, or whole and merged."""
    fresh, target = run / f"{FOLDER}.new", run / FOLDER
    shutil.rmtree(fresh, ignore_errors=True)
    copy_folder(policy.folder, fresh)  # not its modes: it may be read-only
    if policy.adapter and config.adapter == "merge":
        for file in fresh.glob("adapter_*"):
            file.unlink()
        merge_policy(policy, fresh)
        write_json(fresh / "agent.json", {**read_json(fresh / "agent.json"), "adapter": False})
    put_in_place(fresh, target)
