"""FrozenLake as a PettingZoo environment.

A player stands on a frozen lake and must cross it without falling into a hole. Reaching the goal
pays +1 and is the game's success; a hole ends the episode; nothing else pays. `frozen-lake` has
firm ice, 8 moves and 20 % holes; `frozen-lake-slippery` has 15 moves, 10 % holes, and a move goes
where intended or to either perpendicular side with 1/3 each. Seeds of training, validation and test
(`arena_games.splits`) draw from maps of their own; other seeds from all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from arena_games.aec import Outcome, SimultaneousEnv
from arena_games.base import GameSpec, Grid
from arena_games.frozen_lake import rules, text
from arena_games.frozen_lake.board import board
from arena_games.frozen_lake.rules import ACTIONS, FrozenLakeConfig
from arena_games.parsing import parse_action_tag
from arena_games.splits import split_of
from arena_games.squares import mirrored_between_corners


class FrozenLakeEnv(SimultaneousEnv):
    """One seat, four actions (left, down, right, up); planes are `text.PLANES`."""

    def __init__(self, name: str = "frozen-lake", config: FrozenLakeConfig | None = None) -> None:
        self.config = config or FrozenLakeConfig()
        super().__init__(name, 1, len(ACTIONS), (len(text.PLANES), self.config.size, self.config.size))

    def begin(self) -> None:
        self.state = rules.draw_state(self.config, self.rng, split_of(self.seed))

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        self.state = rules.step(self.config, self.state, moves[0], self.rng)
        return {0: rules.reward(self.config, self.state)}

    def living(self) -> tuple[int, ...]:
        return () if rules.at_goal(self.config, self.state) or rules.in_hole(self.state) else (0,)

    def outcome(self) -> Outcome | None:
        if self.living() and not self.timed_out():
            return None
        return Outcome(placements=(1,), successes=(rules.at_goal(self.config, self.state),))

    def timed_out(self) -> bool:
        return rules.timed_out(self.config, self.state)

    def text(self, seat: int) -> str:
        return text.render(self.config, self.state)

    def grid(self, seat: int) -> Grid:
        return text.planes(self.config, self.state)


def frozen_lake_spec(name: str, config: FrozenLakeConfig) -> GameSpec:
    """A FrozenLake scenario under these numbers."""
    ice = (
        "The ice is slippery: a move goes where you intend or to either perpendicular side, "
        "each one time in three."
        if config.slippery
        else "A move goes where you intend; moving into the border leaves you where you are."
    )
    pays = (config.goal_reward, config.hole_reward)
    hole = f" and is worth {config.hole_reward:g} point" if config.hole_reward else ""
    return GameSpec(
        name=name,
        version=2,
        seats=1,
        open_seats=(0,),
        house=(),
        actions=ACTIONS,
        horizon=config.horizon,
        make_env=lambda: FrozenLakeEnv(name, config),
        task="You are crossing a frozen lake. Reach the goal without falling into a hole.",
        rules=(
            f"Reaching the goal is worth {config.goal_reward:g} point.",
            f"Falling into a hole ends the game{hole}.",
            f"You have {config.horizon} moves.",
            ice,
        ),
        success="the goal was reached",
        span=(min(0.0, *pays), max(0.0, *pays)),
        parse=parse_action_tag(tuple(ACTIONS)),
        config=config,
        variant=frozen_lake_spec,
        board=partial(board, config),
        symmetries=mirrored_between_corners,
    )


FROZEN_LAKE = frozen_lake_spec("frozen-lake", FrozenLakeConfig())
FROZEN_LAKE_SLIPPERY = frozen_lake_spec(
    "frozen-lake-slippery", FrozenLakeConfig(frozen=0.90, slippery=True, horizon=15)
)
