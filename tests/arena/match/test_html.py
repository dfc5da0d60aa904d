"""What a notebook shows is text: nothing that an agent or a game says is obeyed."""

from __future__ import annotations

from html.parser import HTMLParser

from arena import Agent, Match, Observation, find_game, play
from arena_leaderboard import MatchResult, standings

HOSTILE = "<script>alert(1)</script>\x1b[31m</pre><img src=x onerror=alert(1)>"
PLAIN = {"div", "b", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre"}


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: object) -> None:
        assert not attributes
        self.tags.append(tag)


class Hostile(Agent):
    def choose(self, observation: Observation) -> str:
        return f"{HOSTILE}<action>{observation.legal_names[0]}</action>"


def test_an_episode() -> None:
    (episode,) = play([Match(find_game("frozen-lake"), 3, (HOSTILE,))], {HOSTILE: Hostile()})
    shown = episode._repr_html_()
    assert set(Tags(shown).tags) == PLAIN
    assert shown.count("<tr>") == 1 + len(episode.steps)
    assert "\x1b" not in shown
    assert "&lt;script&gt;" in shown


def test_a_leaderboard() -> None:
    results = [
        MatchResult(
            "duel", seed, (HOSTILE, "b"), (1, 2), (1.0, 0.0), (True, False), (0, 0), (9, 9), (0.1, 0.2)
        )
        for seed in range(4)
    ]
    shown = standings(results)._repr_html_()
    assert set(Tags(shown).tags) <= PLAIN
    assert "\x1b" not in shown
    assert "&lt;script&gt;" in shown
