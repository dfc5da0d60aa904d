"""What the versions of a policy in a league are called, as players and as folders: MEMBER-NNNNNN."""

from __future__ import annotations

import re

_NAME = re.compile(r"([a-z]+)-(\d{6,9})")


def version_name(member: str, step: int) -> str:
    """The policy of this member after this update."""
    return f"{member}-{step:06d}"


def version_of(name: str) -> tuple[str, int] | None:
    """The member and the update of a version; None of any other name."""
    found = _NAME.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def step_of(name: str, member: str) -> int | None:
    """The update after which this version of the member entered; None of any other name."""
    found = version_of(name)
    return found[1] if found and found[0] == member else None
