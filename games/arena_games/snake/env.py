"""Snake as a PettingZoo environment.

Snakes of length 1 start on a board with apples. An apple pays +1 (−1 on `snake-poison`) and makes
the snake longer; dying pays −1, once. In `snake` and `snake-poison` the second snake belongs to the
house's `random` agent, the episode ends when the first one is dead, and success is to be alive at
the horizon. `snake-duel` (two open seats, 7×7) and `snake-royale` (four, 11×11) end when at most
one snake lives; places go by longer life, then by points eaten, and success is the first place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from arena_games.aec import Outcome, SimultaneousEnv
from arena_games.base import GameSpec, Grid
from arena_games.parsing import parse_action_tag
from arena_games.snake import rules, text
from arena_games.snake.board import board
from arena_games.snake.rules import ACTIONS, SnakeConfig
from arena_games.squares import turned_and_mirrored


class SnakeEnv(SimultaneousEnv):
    """Four actions (up, down, left, right); planes are `text.PLANES`, seen from the seat."""

    def __init__(self, name: str = "snake", config: SnakeConfig | None = None) -> None:
        self.config = config or SnakeConfig()
        shape = (len(text.PLANES), self.config.size, self.config.size)
        super().__init__(name, self.config.seats, len(ACTIONS), shape)

    def begin(self) -> None:
        self.state = rules.draw_state(self.config, self.rng)

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        before, self.state = self.state, rules.step(self.config, self.state, moves, self.rng)
        return {seat: rules.reward(self.config, before, self.state, seat) for seat in moves}

    def living(self) -> tuple[int, ...]:
        return self.state.living

    def outcome(self) -> Outcome | None:
        if not rules.over(self.config, self.state):
            return None
        places = rules.placements(self.config, self.state)
        if self.config.open_seats == 1:
            return Outcome(places, tuple(bool(body) and self.timed_out() for body in self.state.bodies))
        return Outcome(places, tuple(place == 1 for place in places))

    def timed_out(self) -> bool:
        return rules.timed_out(self.config, self.state)

    def text(self, seat: int) -> str:
        return text.render(self.config, self.state, seat)

    def grid(self, seat: int) -> Grid:
        return text.planes(self.config, self.state, seat)


def snake_spec(name: str, config: SnakeConfig) -> GameSpec:
    """A Snake scenario under these numbers."""
    versus = config.open_seats > 1
    apple = abs(config.apple_reward)
    eating = (
        f"Eating an apple earns {apple:g} point"
        if config.apple_reward > 0
        else f"Apples are poisonous: eating one loses {apple:g} point"
    )
    return GameSpec(
        name=name,
        version=1,
        seats=config.seats,
        open_seats=tuple(range(config.open_seats)),
        house=("random",) * (config.seats - config.open_seats),
        actions=ACTIONS,
        horizon=config.horizon,
        make_env=lambda: SnakeEnv(name, config),
        task="You are steering a snake on a square board, "
        + ("against other players. Outlive them." if versus else "beside another snake. Score points."),
        rules=(
            f"{eating} and makes your snake one cell longer.",
            f"You die, and lose {abs(config.death_reward):g} point, when your head meets a wall, "
            "any snake's body (a tail that is about to move away included), or another head.",
            "All snakes move at the same time.",
            f"The game lasts {config.horizon} moves at most.",
            *(("The longest life wins; equal lives are decided by points.",) if versus else ()),
        ),
        success="first place" if versus else "alive at the horizon",
        span=rules.span(config),
        parse=parse_action_tag(tuple(ACTIONS)),
        prudent=partial(text.prudent_moves, config),
        config=config,
        variant=snake_spec,
        board=partial(board, config),
        symmetries=turned_and_mirrored,
    )


SNAKE = snake_spec("snake", SnakeConfig())
SNAKE_POISON = snake_spec("snake-poison", SnakeConfig(apple_reward=-1.0))
SNAKE_DUEL = snake_spec("snake-duel", SnakeConfig(open_seats=2))
SNAKE_ROYALE = snake_spec("snake-royale", SnakeConfig(seats=4, open_seats=4, size=11))
