"""Opening what a training run left behind: a run's folder, or one policy inside it."""

from __future__ import annotations

from pathlib import Path

from arena_agents.base import Agent
from arena_agents.engines.base import EngineName
from arena_agents.files import read_json
from arena_agents.presets import model_source
from arena_games.base import UsageError

PREFERRED = ("best", "last")


def load_policy(
    path: Path, *, template: Path | None = None, engine: EngineName = "transformers", weights: bool = True
) -> Agent:
    """The agent in a policy folder, or the best (else the last) policy of a run's folder.

    `template` overrides a language policy's prompt template, `engine` draws its replies. Without `weights`
    a language policy cannot play: it only shows that it could be made. Raises UsageError if there is no
    policy or it cannot be read.
    """
    folder = policy_folder(path)
    kind = policy_kind(folder)
    if kind == "dqn":
        from arena_agents.dqn.agent import DqnAgent, DqnPolicy

        policy = DqnPolicy.load(folder)
        return DqnAgent({policy.card.game: policy})
    if kind == "language":
        from arena_agents.language.agent import load_language_policy

        return load_language_policy(folder, template=template, engine=engine, weights=weights)
    raise UsageError(
        f"{folder / 'agent.json'} names the unknown kind {kind!r}; this program reads dqn, language"
    )


def policy_folder(path: Path) -> Path:
    """Where the policy lies. Raises UsageError if neither `path` nor its best/ and last/ hold one."""
    for folder in (path, *(path / name for name in PREFERRED)):
        if (folder / "agent.json").is_file():
            return folder
    raise UsageError(
        f"{path} holds no policy (no agent.json there, in best/ or in last/); "
        "name the --out folder of arena train"
    )


def base_source(folder: Path, base: str) -> str:
    """The folder or hub id of the model that the policy in `folder` is an adapter of.

    A run that merged what it started from keeps it beside its policies, and may have been moved.
    """
    source = model_source(base)
    beside = folder.parent / Path(source).name
    moved = base.startswith("hf:") and not Path(source).exists() and (beside / "agent.json").is_file()
    return str(beside) if moved else source


def holds_language_policy(path: Path) -> bool:
    """Whether a run's folder, or a policy's, is that of a language model. Never raises."""
    try:
        return policy_kind(policy_folder(path)) == "language"
    except UsageError:
        return False


def policy_kind(folder: Path) -> object:
    """What its card says it is: `dqn`, `language`, or anything. Raises UsageError for an unreadable card."""
    return read_json(folder / "agent.json", remedy="train the policy again").get("kind")
