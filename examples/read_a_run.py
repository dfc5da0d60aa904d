"""A tournament's file, read as episodes and as rows: without pandas, and in pandas where it is installed."""

import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from statistics import mean

from arena import Store, Tournament, leaderboard, run_tournament

out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/read")
run_tournament(Tournament.of("frozen-lake,snake-duel", "random,search", out, matches=6))

with Store.read(out) as store:
    returns = defaultdict(list)
    for row in store.episodes().rows():  # one for each seat of each episode
        returns[row["game"], row["player"]].append(row["return"])
    for (game, player), values in sorted(returns.items()):
        print(f"{game}, {player}: mean return {mean(values):.2f} over {len(values)} seats")

    moves = store.episodes("frozen-lake").rows(steps=True)  # one for each decision, as they are read
    print("the first decision:", next(moves)["action_name"])

    if find_spec("pandas"):
        seats = store.episodes().to_pandas()
        print(seats.groupby(["game", "player"])[["return", "decisions"]].mean())

for standing in leaderboard(out).overall:
    print(f"{standing.agent}: {standing.rating.mean:.0f}")
