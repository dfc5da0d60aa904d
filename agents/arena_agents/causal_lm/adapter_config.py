"""`adapter_config.json`, checked before peft makes anything by it.

An adapter's config can ask for any rank, for layers to be copied, and names modules by regular expressions,
a slow one of which never ends. What training writes, and what other programs commonly do, names modules
plainly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from arena_agents.files import check_model_folder, read_model
from arena_agents.limits import LARGEST_RANK
from arena_games.base import UsageError

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
REMEDY = "train the adapter again"

Name = Annotated[str, Field(pattern=r"^[\w.\-]{1,200}$")]  # of a module: nothing that is an expression
Names = Annotated[list[Name], Field(max_length=4096)]
Rank = Annotated[int, Field(ge=1, le=LARGEST_RANK)]


class AdapterConfig(BaseModel):
    """The fields that decide what is allocated and which modules are looked for; others are peft's."""

    model_config = ConfigDict(extra="allow")

    peft_type: str = Field(pattern="^LORA$")
    r: Rank
    lora_alpha: float = Field(gt=0, le=10**6)
    lora_dropout: float = Field(0.0, ge=0, le=1)
    target_modules: Name | Names | None = None
    exclude_modules: Name | Names | None = None
    modules_to_save: Names | None = None
    layers_pattern: Name | Names | None = None
    layers_to_transform: int | list[int] | None = None
    target_parameters: Names | None = None
    rank_pattern: dict[Name, Rank] | None = None
    alpha_pattern: dict[Name, float] | None = None
    layer_replication: None = None
    auto_mapping: dict[str, Any] | None = None
    base_model_name_or_path: str | None = Field(None, max_length=4096)


def read_adapter(folder: Path) -> AdapterConfig:
    """The adapter's config. Raises UsageError, naming the file and the field, for one that is not sound."""
    return read_model(folder / CONFIG, AdapterConfig, remedy=REMEDY)


def check_adapter(folder: Path) -> None:
    """Raises UsageError unless the folder's config is sound and its weights are safetensors."""
    check_model_folder(folder)
    read_adapter(folder)
    if not (folder / WEIGHTS).is_file():
        raise UsageError(f"{folder} holds no {WEIGHTS}; {REMEDY}")
