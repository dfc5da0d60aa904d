"""An agent of one's own: it reads the text, as a language model would, and names an action."""

import re
import sys
from pathlib import Path

from arena import Agent, Observation, Tournament, evaluate, find_game, leaderboard, run_tournament


class Homing(Agent):
    """On FrozenLake: goes towards the goal, around holes where it can."""

    def choose(self, observation: Observation) -> str:
        (player,), (goal,) = (places(observation.text, name) for name in ("You:", "Goal:"))
        holes = places(observation.text, "Holes:")
        steps = {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}

        def cost(name: str) -> tuple[bool, int]:
            x, y = player[0] + steps[name][0], player[1] + steps[name][1]
            return (x, y) in holes, abs(goal[0] - x) + abs(goal[1] - y)

        return f"<action>{min(observation.legal_names, key=cost)}</action>"


def places(text: str, name: str) -> list[tuple[int, int]]:
    """The coordinates on the line that begins so."""
    line = next((line for line in text.splitlines() if line.startswith(name)), "")
    return [(int(x), int(y)) for x, y in re.findall(r"\((\d+), (\d+)\)", line)]


if __name__ == "__main__":
    (row,) = evaluate("homing", Homing(), [find_game("frozen-lake")], episodes=50)
    print(f"success {row.success_rate:.0%}, return {row.mean_return:.2f}, 95% interval {row.return_ci95}")

    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/own-agent")
    run_tournament(Tournament.of("frozen-lake", f"random,search,{__file__}:Homing", out, matches=10))
    for standing in leaderboard(out).overall:
        print(f"{standing.agent}: {standing.rating.mean:.0f}")
