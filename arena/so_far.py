"""Who is ahead while a game is being played: mean returns, which need nothing but a sum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from rich.text import Text

from arena.episode import Episode
from arena.failures import one_line
from arena.seating import HOUSE


class SoFar:
    """The mean returns of a game's players over the episodes that were added, the house left out."""

    def __init__(self, game: str) -> None:
        self.game = game
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, episodes: Iterable[Episode]) -> None:
        """Episodes that came to nothing count for nobody."""
        for episode in episodes:
            if not episode.end.rated:
                continue
            for player, total in zip(episode.players, episode.returns, strict=True):
                if not player.startswith(HOUSE):
                    self._sums[player] += total
                    self._counts[player] += 1

    def means(self) -> list[tuple[str, float]]:
        """Players and their mean returns, the best first."""
        means = {player: self._sums[player] / self._counts[player] for player in self._sums}
        return sorted(means.items(), key=lambda entry: (-entry[1], entry[0]))

    def line(self) -> Text:
        """The same on one line, as long as it may be."""
        players = ", ".join(f"{one_line(player)} {mean:.2f}" for player, mean in self.means())
        return Text(f"mean returns on {one_line(self.game)}: {players}", no_wrap=True, overflow="ellipsis")
