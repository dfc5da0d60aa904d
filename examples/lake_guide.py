"""A teacher for FrozenLake that says why: what lies one step down and one step to the right.

    arena sft frozen-lake --agent AGENT --teacher examples/lake_guide.py:LakeGuide --set words=true

It plays as well as `search`, but draws no lots: of equal moves it takes the first of `STEPS`. Its words are
what `search` does not need: facts of the map, one after the other, which a small language model can read
off the text, and from which the action follows more easily.
"""

from __future__ import annotations

import re

from arena_agents import Agent, Observation
from arena_agents.search.agent import best_actions
from arena_games.base import action_reply

STEPS = {"down": (0, -1), "right": (1, 0), "left": (-1, 0), "up": (0, 1)}
TOLD = ("down", "right")
_CELL = re.compile(r"\((\d+), (\d+)\)")


class LakeGuide(Agent):
    """search, with reasons. Where nothing can lead to the goal any more it stays out of holes."""

    name = "lake guide"

    def choose(self, observation: Observation) -> str:
        seen = neighbours(observation.text)
        best = {observation.action_names[action] for action in best_actions(observation)}
        action = min(STEPS, key=lambda name: (seen[name][1] == "hole", name not in best))
        told = ", ".join(" ".join(filter(None, (name, *seen[name]))) for name in TOLD)
        return f"<plan>{told}</plan>{action_reply(action)}"


def neighbours(text: str) -> dict[str, tuple[str, str]]:
    """Each direction's cell, as it is written, and what is there: ice, hole, goal; or no cell and wall."""
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    ((x, y),), goal, holes = (cells(lines[name]) for name in ("You", "Goal", "Holes"))
    found = {}
    for name, (right, up) in STEPS.items():
        cell = (x + right, y + up)
        what = "hole" if cell in holes else "goal" if cell in goal else "ice"
        inside = min(cell) >= 0 and max(cell) <= max(goal[0])
        found[name] = (str(cell), what) if inside else ("", "wall")
    return found


def cells(text: str) -> list[tuple[int, int]]:
    """All places (x, y) that a line names."""
    return [(int(x), int(y)) for x, y in _CELL.findall(text)]
