"""`arena export`: a trained language policy as a Hugging Face folder that needs nothing of ours.

adapter_model.safetensors, adapter_config.json   an adapter, or
model.safetensors, config.json                   whole weights: trained so, or merged
tokenizer, chat template, generation_config.json
template.txt   the words around an observation
README.md      the model card
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from arena.machine.copies import copy_folder
from arena.machine.files import write_json
from arena.training.best_look import best_look
from arena.training.export.model_card import Card, write_card
from arena.training.metrics_file import is_number
from arena.training.run_folder import RunFolder
from arena_agents.causal_lm.adapter_config import check_adapter
from arena_agents.causal_lm.hub import is_gguf
from arena_agents.files import read_json
from arena_agents.language.card import read_card
from arena_agents.language.chat import UNCHANGED, ChatFormat
from arena_agents.policy import base_source, policy_folder, policy_kind
from arena_games.base import UsageError

EXPORTS = Path("exports")
OURS = ("agent.json", "README.md")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy's folder in a run, and what it says of itself."""

    folder: Path
    base: str
    game: str
    adapter: bool
    template: str
    sampling: Mapping[str, Any]
    chat: ChatFormat = UNCHANGED

    @classmethod
    def read(cls, path: Path) -> Policy:
        """The policy in a run's folder. Raises UsageError for none, and for one of another kind."""
        folder = policy_folder(path)
        kind = policy_kind(folder)
        if kind != "language":
            raise UsageError(
                f"{folder} holds a {kind} policy; only language policies are exported or trained on"
            )
        card = read_card(folder)
        return cls(
            folder,
            base=card.base,
            game=card.trained_on,
            adapter=card.adapter,
            template=card.template,
            sampling=asdict(card.drawn()),
            chat=card.format(),
        )

    @property
    def source(self) -> str:
        """The base model's folder or .gguf file, absolute, or its id on the hub."""
        source = base_source(self.folder, self.base)
        return str(Path(source).resolve()) if Path(source).exists() else source

    @property
    def gguf_file(self) -> str | None:
        """The name of the file that holds the base model, where that is one in llama.cpp's format."""
        return Path(self.source).name if is_gguf(self.source) else None

    @property
    def base_path(self) -> str:
        """What transformers is to load the base from: a folder, or an id on the hub."""
        return str(Path(self.source).parent) if self.gguf_file else self.source

    @property
    def name(self) -> str:
        """What the base is called: nano, the folder's name, or the id on the hub."""
        if self.base == "nano" or not Path(self.source).exists():
            return self.base if self.base == "nano" else self.source
        return Path(self.source).name


def export_policy(path: Path, *, out: Path | None = None, merge: bool = False) -> Path:
    """Write the best policy of a run, or the policy in a folder such as RUN/last; return the new folder.

    An adapter stays one unless `merge`d into its base. Raises UsageError if the new folder exists
    already, there is no language policy, or its base cannot be found.
    """
    policy = Policy.read(path)
    run = policy.folder.parent
    target = out or EXPORTS / run.resolve().name
    if target.exists():
        raise UsageError(f"{target} exists already; remove it, or choose another folder with -o")
    whole = merge or not policy.adapter
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        fresh = Path(scratch) / "policy"
        fresh.mkdir()
        _write(policy, fresh, whole=whole)
        write_card(fresh, _card(policy, run, whole=whole))
        fresh.rename(target)
    return target


def _write(policy: Policy, folder: Path, *, whole: bool) -> None:
    from arena_agents.causal_lm.load import load_tokenizer

    if policy.adapter:
        check_adapter(policy.folder)
    if policy.adapter and whole:
        merge_policy(policy, folder)
    else:
        copy_folder(policy.folder, folder, leave_out=OURS)
        if policy.adapter:
            load_tokenizer(policy.source).save_pretrained(folder)
    if policy.adapter and not whole:
        settings = read_json(folder / "adapter_config.json", remedy="train the adapter again")
        write_json(folder / "adapter_config.json", settings | {"base_model_name_or_path": policy.base_path})
    _generation_config(policy).save_pretrained(folder)
    (folder / "template.txt").write_text(policy.template, encoding="utf-8")


def merge_policy(policy: Policy, folder: Path) -> None:
    """Add the adapter to its base in float32; save it in the base's precision, with the tokenizer."""
    from arena_agents.causal_lm.load import load_config, load_model, load_tokenizer, with_adapter

    model, _ = load_model(policy.source, dtype="float32")
    merged = with_adapter(model, policy.folder).merge_and_unload()
    merged.to(load_config(policy.source).dtype or model.dtype).save_pretrained(folder)
    load_tokenizer(policy.source).save_pretrained(folder)


def _generation_config(policy: Policy) -> Any:
    """How the policy was sampled in training, with its base's end tokens."""
    from transformers import GenerationConfig

    from arena_agents.causal_lm.load import load_generation_config

    base = load_generation_config(policy.source)
    greedy = policy.sampling["temperature"] == 0
    drawn = {key: policy.sampling[key] for key in ("temperature", "top_k", "top_p")}
    return GenerationConfig(
        eos_token_id=base.eos_token_id,
        pad_token_id=base.pad_token_id,
        bos_token_id=base.bos_token_id,
        max_new_tokens=policy.sampling["max_new_tokens"],
        do_sample=not greedy,
        **({} if greedy else drawn),
    )


def _card(policy: Policy, folder: Path, *, whole: bool) -> Card:
    try:
        run = RunFolder.open(folder)
        config, rows = run.config(), run.metrics()
    except UsageError:  # a policy that was copied out of its run
        config, rows = {}, []
    scores = [
        row for row in rows if all(is_number(row.get(name)) for name in ("eval/return", "eval/success"))
    ]
    last = scores[-1] if scores else None
    return Card(
        name=folder.resolve().name,
        base=policy.name,
        game=policy.game,
        whole=whole,
        stop=tuple(policy.sampling["stop"]),
        chat=policy.chat,
        gguf_file=policy.gguf_file,
        decode=str(policy.sampling.get("decode", "free")),
        config=config,
        before=scores[0] if scores else None,
        after=last if policy.folder.name == "last" else best_look(scores),
    )
