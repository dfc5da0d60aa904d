"""What a family of models bears: which short cuts give what its own plain forward pass gives."""

from __future__ import annotations

from dataclasses import dataclass

from arena_games.base import UsageError

ANY = 2**62  # a length that no text has


@dataclass(frozen=True, slots=True)
class ShortCuts:
    """For texts of how many tokens, padding and all, each short cut is right: 0 none, `ANY` any.

    `longest` is the reach of rows padded on the left and of a cache of our own, without which there are no
    others: `shared` beginnings and `trees` of replies. `ends` leaves out what nothing reads (see `decoder`).
    """

    longest: int = ANY
    shared: int = ANY
    trees: int = ANY
    ends: bool = True


@dataclass(frozen=True, slots=True)
class PlainPath:
    """The family's own code alone: `transformers.generate` to draw, a forward pass without a cache to learn.

    Drawn are replies to `padded` prompts, or only to prompts of one length; from a `cached` reading, or all
    is read again for each token. Rows are learnt from `together`, padded on the right, or one by one.
    """

    padded: bool = True
    cached: bool = True
    together: bool = True


@dataclass(frozen=True, slots=True)
class Family:
    """How a model is read: by `short_cuts` as far as they reach, beyond by the `plain` path.

    Where there is neither, a text is refused for a `reason`. `plain_head`: see `decoder.has_plain_head`.
    """

    name: str
    short_cuts: ShortCuts = ShortCuts()
    plain: PlainPath | None = None
    plain_head: bool = True
    reason: str = ""

    def plain_path(self) -> PlainPath:
        """How texts beyond the short cuts' reach are read. Raises UsageError if they cannot be."""
        if self.plain is None:
            raise UsageError(self.note)
        return self.plain

    def check(self) -> None:
        """Raises UsageError if no text at all can be read."""
        if not self.short_cuts.longest:
            self.plain_path()

    @property
    def note(self) -> str:
        """One line on what is slow or impossible; empty where nothing is."""
        longest = self.short_cuts.longest
        if longest == ANY:
            return ""
        texts = f"texts of more than {longest:,} tokens" if longest else "texts"
        if self.plain is None:
            return f"{self.name} cannot read {texts} here: {self.reason}"
        again = "" if self.plain.cached else ", all of it again for each token drawn"
        return f"{self.name} reads {texts} by its own plain forward pass, which is slower{again}"
