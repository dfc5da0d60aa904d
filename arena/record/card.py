"""A run's card: what it is and came to, by hashes: so somebody elsewhere can say whether theirs is the same.

A tournament's card holds its config, a digest of all moves and returns (no times, whatever the order of
play), the hashes of the policies' files, and the ratings. A training's holds its config, its template and its
policies' hashes. Two runs are the same where their cards are, the program's version aside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b, file_digest
from importlib.metadata import version
from pathlib import Path
from typing import Any

from arena.match.episode import Episode
from arena.record.board import board_of
from arena.record.store import FILE_NAME, Store
from arena_agents.files import open_regular, read_json
from arena_agents.presets import PRESETS, model_source
from arena_games.base import UsageError
from arena_leaderboard import Standing

VERSION = 1
POLICIES = ("best", "last")


def card_of(run: Path) -> dict[str, Any]:
    """The card of a tournament's or a training's folder, as JSON. Raises UsageError if it is neither."""
    if (run / FILE_NAME).is_file():
        found = _of_tournament(run)
    elif (run / "config.json").is_file():
        found = _of_training(run)
    else:
        raise UsageError(f"{run} holds no tournament and no training; name the folder of one")
    return {"version": VERSION, **found, "program": version("tmsg-arena")}


def read_card(path: Path) -> dict[str, Any]:
    """A card from its file. Raises UsageError for what is none, or one of another version."""
    found = read_json(path, remedy="write it with arena card RUN -o FILE")
    if found.get("version") != VERSION:
        raise UsageError(f"{path} is no card of version {VERSION}; write it with arena card RUN -o FILE")
    return found


def first_difference(card: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Where two cards differ first, and how; None if they are the same but for the program's version."""
    return next(_differences(dict(card) | {"program": None}, dict(other) | {"program": None}, ""), None)


def _differences(one: Any, other: Any, where: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            yield from _differences(one.get(key), other.get(key), f"{where}.{key}" if where else str(key))
    elif one != other:
        yield f"{where}: {json.dumps(one)} on the card, {json.dumps(other)} here"


def _of_tournament(run: Path) -> dict[str, Any]:
    with Store.read(run) as store:
        config, board = store.meta("config"), board_of(store)
        count, moves = store.count(attempts=False), _moves(store)
    rated = {"overall": board.overall, **board.games}
    return {
        "kind": "tournament",
        "config": config,
        "episodes": count,
        "moves": moves,
        "policies": dict(_policies(run, config)),
        "ratings": {name: [_row(row) for row in rows] for name, rows in rated.items()},
    }


def _of_training(run: Path) -> dict[str, Any]:
    template = run / "template.txt"
    scores = {name: _hash_folder(run / name) for name in POLICIES if (run / name).is_dir()}
    return {
        "kind": "training",
        "config": read_json(run / "config.json", remedy="train again in another folder"),
        "template": _hash_file(template) if template.is_file() else None,
        "policies": scores,
    }


def _moves(store: Store) -> str:
    """A digest of every episode's id, moves and returns, in the order of these digests."""
    digests = sorted(_of_episode(episode) for episode in store.episodes() if not _passing(episode))
    return blake2b(b"".join(digests), digest_size=16).hexdigest()


def _passing(episode: Episode) -> bool:
    """Whether it was an attempt that is played again."""
    return bool(episode.failure and episode.failure.passing)


def _of_episode(episode: Episode) -> bytes:
    moves = [(step.seat, step.action) for step in episode.steps]
    content = (episode.id, episode.version, str(episode.end), moves, tuple(map(float, episode.returns)))
    return blake2b(ascii(content).encode(), digest_size=16).digest()


def _policies(run: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The hash of every policy that lies in a folder: those named, ours, and those trained here."""
    for label, spec in config.get("agents", {}).items():
        bare = str(spec).partition("[")[0]
        folder = Path(model_source(bare) if bare in PRESETS else bare)
        if folder.is_dir():
            yield label, _hash_folder(_played(folder))
    for folder in sorted((run / "agents").glob("*")):
        if folder.is_dir():
            yield f"agents/{folder.name}", _hash_folder(_played(folder))


def _played(folder: Path) -> Path:
    """The policy that plays where a training's folder is named."""
    return next((folder / name for name in POLICIES if (folder / name).is_dir()), folder)


def _hash_folder(folder: Path) -> str:
    """A digest of its files' names and contents, folders within it included."""
    hasher = blake2b(digest_size=16)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        hasher.update(f"{path.relative_to(folder).as_posix()}\n{_hash_file(path)}\n".encode())
    return hasher.hexdigest()


def _hash_file(path: Path) -> str:
    with open_regular(path) as file:
        return file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()


def _row(row: Standing) -> dict[str, Any]:
    rating = row.rating
    return {
        "agent": row.agent,
        "rating": rating and rating.mean,
        "ci95": rating and list(rating.ends),
        "matches": row.matches,
        "mean_return": row.mean_return,
    }
