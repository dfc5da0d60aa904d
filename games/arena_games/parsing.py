"""The extractor Ψ: from a reply to the action that it names, and never to another.

A reply names its action inside `<action>` and `</action>`; whatever else it says is not read. An action
that may not be played is `Invalid`: no other is looked for in its place. Forgiven is only what cannot
mean two things: case, where no two actions differ by case alone, white space, quotes, brackets or
asterisks around a name, a full stop behind it, and the same action named more than once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from arena_games.base import Invalid, Observation, Parser, action_reply

_TAG = re.compile(r"<(/?)action>", re.IGNORECASE)
_OPEN, _CLOSE = action_reply("|").split("|")
_PAIRS = {("'", "'"), ('"', '"'), ("`", "`"), ("*", "*"), ("_", "_"), ("(", ")"), ("[", "]"), ("<", ">")}
_PAIRS |= {("“", "”"), ("‘", "’"), ("«", "»"), ("„", "“")}
_CLOSING = ".,;:!"  # a sentence's, behind a name
LONGEST_NAME = 200  # characters; what is longer is not undressed
LONGEST_SHOWN = 60
NO_TAG = Invalid("no <action>…</action> in the reply")
MANY_TAGS = Invalid("more than one action tag in the reply")

# Other ways to write a name that cannot be taken for another action's.
Aliases = Callable[[str], Sequence[str]]


def tagged(text: str) -> list[str] | Invalid:
    """What stands between the action tags, once for each pair, in linear time."""
    contents: list[str] = []
    opened: int | None = None
    for tag in _TAG.finditer(text):
        closes = bool(tag[1])
        if closes == (opened is None):  # two of a kind in a row
            return MANY_TAGS if contents or (_TAG.search(text, tag.end()) and not closes) else NO_TAG
        if opened is not None:
            contents.append(text[opened : tag.start()])
        opened = None if closes else tag.end()
    if opened is not None:
        return MANY_TAGS if contents else NO_TAG
    return contents or NO_TAG


def spaced(name: str) -> str:
    """The name with each stretch of white space as one blank, none at its ends."""
    return " ".join(name.split())


def undressed(name: str) -> str:
    """The name without what may stand around one: pairs of quotes, brackets, asterisks; a full stop."""
    name = spaced(name)
    while 2 < len(name) <= LONGEST_NAME:
        if (name[0], name[-1]) in _PAIRS:
            name = name[1:-1].strip()
        elif name[-1] in _CLOSING:
            name = name[:-1].rstrip()
        else:
            break
    return name


def named(said: str, names: Mapping[str, int], *, case_matters: bool, aliases: Aliases) -> int | None:
    """The action that `said` names: as its name or an alias stands, undressed, then with case folded.

    None if it names none, or in the first of these ways that fits more than one.
    """
    if said in names:
        return names[said]
    ways = [*names.items(), *((alias, action) for name, action in names.items() for alias in aliases(name))]
    bare = undressed(said)
    for written, fold in ((spaced(said), False), (bare, False), *([] if case_matters else [(bare, True)])):
        folded = written.lower() if fold else written
        found = {action for way, action in ways if (spaced(way).lower() if fold else spaced(way)) == folded}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _agreed(text: str, read: Callable[[str], int | None], unknown: Callable[[str], str]) -> int | Invalid:
    """The one action that all tags of a reply name."""
    contents = tagged(text)
    if isinstance(contents, Invalid):
        return contents
    actions = {read(content) for content in contents}
    if actions == {None}:
        alike = len({undressed(content) for content in contents}) == 1
        return Invalid(unknown(undressed(contents[0])), illegal=True) if alike else MANY_TAGS
    action = actions.pop()
    return MANY_TAGS if actions or action is None else action


def no_aliases(name: str) -> Sequence[str]:
    """A name is written in one way."""
    return ()


class ListParser:
    """The extractor of games with a list of actions: `<action>NAME</action>`. Pure; it never raises.

    Case matters only where two of the names differ by nothing else.
    """

    def __init__(self, action_names: tuple[str, ...]) -> None:
        self._names = action_names
        self._index = {name: action for action, name in enumerate(action_names)}
        self._case_matters = len({name.lower() for name in action_names}) < len(action_names)
        self._unknown = f"the named action is not one of: {', '.join(action_names)}"
        # Most replies are one of these: they need not be searched.
        self._bare = {action_reply(name): action for name, action in self._index.items()}

    def __call__(self, text: str, observation: Observation) -> int | str | Invalid:
        action: int | Invalid | None = self._bare.get(text)
        return self._if_legal(self._agreed(text) if action is None else action, observation)

    def exactly(self, text: str, observation: Observation) -> int | str | Invalid:
        """As runs of format 3 and before were read: one tag in all, with a name in it and nothing else."""
        contents = tagged(text)
        if isinstance(contents, Invalid) or len(contents) > 1:
            return contents if isinstance(contents, Invalid) else MANY_TAGS
        said = contents[0].strip().lower()
        lower = {name.lower(): action for name, action in self._index.items()}
        known = lower.get(said)
        return self._if_legal(Invalid(self._unknown, illegal=True) if known is None else known, observation)

    def _agreed(self, text: str) -> int | Invalid:
        return _agreed(text, self._read, lambda said: self._unknown)

    def _read(self, said: str) -> int | None:
        return named(said, self._index, case_matters=self._case_matters, aliases=no_aliases)

    def _if_legal(self, action: int | Invalid, observation: Observation) -> int | Invalid:
        if isinstance(action, int) and action not in observation.legal:
            return Invalid(f"{self._names[action]} is not legal now", illegal=True)
        return action


def parse_action_tag(action_names: tuple[str, ...]) -> ListParser:
    """The extractor of a game with these actions."""
    return ListParser(action_names)


def parse_position(*, case_matters: bool = True, aliases: Aliases = no_aliases) -> Parser:
    """The extractor of games whose positions name their actions: this turn's names, in the same tag.

    What else the game may call an action at another time is not known here, so case may only be ignored,
    and an alias given, where no name of the whole game could be meant by it.
    """

    def parse(text: str, observation: Observation) -> int | str | Invalid:
        names = dict(zip(observation.legal_names, observation.legal, strict=True))
        bare = text[len(_OPEN) : -len(_CLOSE)]
        if bare in names and text == action_reply(bare):
            return names[bare]  # as most replies are: they need not be searched
        return _agreed(
            text,
            lambda said: named(said, names, case_matters=case_matters, aliases=aliases),
            lambda said: f"{said[:LONGEST_SHOWN]} is not legal now" if said else "the action tag is empty",
        )

    return parse


def parse_text(text: str, observation: Observation) -> int | str | Invalid:
    """The extractor of games of free text: what stands in the tag is what is said."""
    contents = tagged(text)
    if isinstance(contents, Invalid):
        return contents
    return contents[0].strip() if len({content.strip() for content in contents}) == 1 else MANY_TAGS
