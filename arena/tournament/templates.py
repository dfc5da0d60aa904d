"""`arena tournament --templates a.txt,b.txt`: the same tournament once a template, and the first once more.

Each is a tournament of its own in a folder below the run's, on the same seeds; its language models say
`template=…` in their specs. The *null* is the first template, byte for byte, with other draws of the same
replies (`draws=1`): as far as its ranks move, no template has decided anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.machine.files import write_text
from arena.untrusted import file_name
from arena_agents.files import read_text
from arena_agents.language.template import load_template
from arena_games.base import UsageError

DEFAULT = "default"  # the template that comes with the arena
NULL = "again"
WORDS = "template.txt"


@dataclass(frozen=True, slots=True)
class Arm:
    """One tournament: the template's text, the folder, and whether its replies are other draws."""

    name: str
    text: str
    folder: Path
    again: bool = False

    @property
    def settings(self) -> Mapping[str, str]:
        """What its language models' specs say."""
        draws = {"draws": "1"} if self.again else {}
        return {"template": str(self.folder.with_suffix(".txt")), **draws}

    def write(self) -> None:
        """Put the template beside the arm's folder, from where its agents read it.

        Raises UsageError if another one lies there, with which the tournament was begun.
        """
        path = self.folder.with_suffix(".txt")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, self.text)
        elif read_text(path, remedy="name another --out", called="template ") != self.text:
            raise UsageError(f"{path} holds another template; go on with that one, or name another --out")


def arms(templates: str, out: Path) -> list[Arm]:
    """The first template, the same again, then the others; files between commas, or `default`.

    Raises UsageError for fewer than two, one that is named twice, one that is no template, or a folder whose
    name cannot stand in an agent's spec.
    """
    names = [name.strip() for name in templates.split(",") if name.strip()]
    if len(names) < 2:
        raise UsageError("--templates wants two files or more, as in --templates default,short.txt")
    if any(mark in str(out) for mark in "[],"):
        raise UsageError(f"{out}: with --templates the folder's name has neither brackets nor commas")
    labels = [file_name(Path(name).stem) for name in names]
    for label in labels:
        if labels.count(label) > 1 or label == NULL:
            raise UsageError(f"two templates would be called {label!r}; rename one")
    found = [Arm(label, _text(name), out / label) for name, label in zip(names, labels, strict=True)]
    null = Arm(NULL, found[0].text, out / NULL, again=True)
    return [found[0], null, *found[1:]]


def _text(name: str) -> str:
    return load_template(None if name == DEFAULT else Path(name)).text()
