"""Which of a server's models `SPEC` means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena_agents.api.client import ServerClient
from arena_agents.api.errors import MalformedError, RequestError
from arena_agents.presets import PRESETS
from arena_games.base import UsageError

LISTED = 12  # names in a message
PATIENCE_S = 10.0  # with a server that does not answer, before anything has begun
NOT_OFFERED = (404, 405, 501)


@dataclass(frozen=True, slots=True)
class Served:
    """A model as its server calls it; `vllm` tells that the server is vLLM's, which takes more settings."""

    name: str
    vllm: bool = False


def served_model(client: ServerClient) -> Served:
    """The served model that the client's address means; asks the server once.

    A server that lists no models is believed to know the name. Raises UsageError if it lists
    others only, or cannot be reached.
    """
    spec, url = client.address.spec, client.address.url
    try:
        listed = _listed(client.get("/models", deadline_s=min(PATIENCE_S, client.deadline_s)))
    except MalformedError:
        listed = {}
    except RequestError as trouble:
        if trouble.status not in NOT_OFFERED:
            raise UsageError(f"cannot ask {url} for {spec}: {trouble}{_remedy(trouble)}") from None
        listed = {}
    if not listed:
        return Served(spec.removeprefix("hf:") if spec not in PRESETS else PRESETS[spec])
    name = choose(spec, list(listed))
    if name is None:
        shown = ", ".join(list(listed)[:LISTED]) + (", …" if len(listed) > LISTED else "")
        raise UsageError(f"{url} does not serve {spec!r}; it serves {shown}")
    return Served(name, vllm=listed[name] == "vllm")


def choose(spec: str, served: list[str]) -> str | None:
    """The served name that `spec` means: its own, its hub id's, or the only one with the same last part."""
    wanted = spec.removeprefix("hf:")
    candidates = [wanted, PRESETS.get(spec, wanted), f"{wanted}:latest"]
    for name in candidates:
        if name in served:
            return name
    last = _last_part(PRESETS.get(spec, wanted))
    alike = [name for name in served if _last_part(name) == last]
    return alike[0] if len(alike) == 1 else None


def _last_part(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2].lower()


def _listed(body: Any) -> dict[str, str]:
    """Names and owners in the body of GET /models; empty where it is no such list."""
    data = body.get("data") if isinstance(body, dict) else None
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return {entry["id"]: str(entry.get("owned_by")) for entry in entries if isinstance(entry.get("id"), str)}


def _remedy(trouble: RequestError) -> str:
    return "; see that it runs, then repeat" if trouble.status is None else ""
