"""What was exported, put on the Hugging Face Hub: a policy as a model, decisions as a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from arena.untrusted import markdown_plain
from arena_games.base import UsageError

__all__ = ["push_dataset", "push_policy"]

ROWS = "dataset.jsonl"


def push_policy(folder: Path, name: str, *, private: bool = False) -> str:
    """Upload an exported policy's folder to `OWNER/NAME`, which is made where it is not there.

    Returns its address. Raises UsageError, in one line with the remedy, for a name that is none, and where
    the Hub is not reached, or refuses.
    """
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return _push(files, name, "model", private)


def push_dataset(rows: Path, name: str, *, run: Path, private: bool = False) -> str:
    """Upload exported decisions with a card by which the Hub shows them as a table; as `push_policy`."""
    return _push({ROWS: rows, "README.md": _card(run).encode()}, name, "dataset", private)


def _card(run: Path) -> str:
    from huggingface_hub import DatasetCardData

    about = DatasetCardData(
        configs=[{"config_name": "default", "data_files": ROWS}],
        tags=["tmsg-arena", "games", "reinforcement-learning"],
    )
    return (
        f"---\n{about.to_yaml()}\n---\n\n# Decisions of {markdown_plain(run.resolve().name)}\n\n"
        "A row is one decision of one agent: what it was asked, what it replied, what that earned.\n"
        "Written by `arena export --dataset` of [tmsg-arena](https://arxiv.org/abs/2508.10839).\n"
        "These are test episodes: who is taught by them is not to be measured on them.\n"
    )


def _push(
    files: Mapping[str, Path | bytes], name: str, kind: Literal["model", "dataset"], private: bool
) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi, errors

    api = HfApi(library_name="tmsg-arena")
    added = [CommitOperationAdd(path, content) for path, content in sorted(files.items())]
    try:
        address = api.create_repo(name, repo_type=kind, private=private or None, exist_ok=True)
        api.create_commit(address.repo_id, added, repo_type=kind, commit_message="Exported by tmsg-arena")
    except errors.HFValidationError as error:
        raise UsageError(f"{name!r} is no name on the Hub; write OWNER/NAME") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        remedy = "; log in by hf auth login, with a token that may write" if status in (401, 403) else ""
        raise UsageError(f"the Hub refuses {name} (HTTP {status}){remedy}") from error
    except (errors.OfflineModeIsEnabled, _transport_error(), OSError) as error:
        raise UsageError(f"the Hub was not reached, nothing is pushed to {name}: {error}") from error
    return str(address)


def _transport_error() -> type[Exception]:
    """What the Hub's client raises where no answer comes: it has changed its HTTP library before."""
    from huggingface_hub.errors import HfHubHTTPError

    return next(kind for kind in HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError")
