"""A game in one file: guess a number from 1 to 9, and hear whether it is higher or lower.

It is checked (`arena check-game examples/own_game.py:SPEC`), then played by the random agent.
"""

from collections.abc import Mapping

import numpy as np

from arena import evaluate, make_agent
from arena_games import GameSpec, parse_action_tag
from arena_games.aec import Outcome, SimultaneousEnv
from arena_games.conformance import check_game

NUMBERS = {str(number): f"guess {number}" for number in range(1, 10)}
GUESSES = 4


class HigherLower(SimultaneousEnv):
    """One seat, nine actions; a guess that is right is worth a point."""

    def __init__(self) -> None:
        super().__init__("higher-lower", seats=1, actions=len(NUMBERS), grid_shape=(2, 1, len(NUMBERS)))

    def begin(self) -> None:
        self.secret = int(self.rng.integers(len(NUMBERS)))
        self.guesses: list[int] = []

    def resolve(self, moves: Mapping[int, int]) -> Mapping[int, float]:
        self.guesses.append(moves[0])
        return {0: float(moves[0] == self.secret)}

    def found(self) -> bool:
        return self.guesses[-1:] == [self.secret]

    def living(self) -> tuple[int, ...]:
        return () if self.found() else (0,)

    def timed_out(self) -> bool:
        return len(self.guesses) == GUESSES

    def outcome(self) -> Outcome | None:
        if not self.found() and not self.timed_out():
            return None
        return Outcome(placements=(1,), successes=(self.found(),))

    def text(self, seat: int) -> str:
        said = [
            f"{guess + 1} is too {'high' if guess > self.secret else 'low'}"
            for guess in self.guesses
            if guess != self.secret
        ]
        return "\n".join(
            [
                f"Guess the number. Guesses left: {GUESSES - len(self.guesses)}",
                f"So far: {'; '.join(said) or 'nothing'}",
                f"Actions: {', '.join(NUMBERS)}",
            ]
        )

    def grid(self, seat: int) -> np.ndarray:
        planes = np.zeros((2, 1, len(NUMBERS)), np.float32)
        for guess in self.guesses:  # what is too low, what is too high
            planes[int(guess > self.secret), 0, guess] = guess != self.secret
        return planes


SPEC = GameSpec(
    name="higher-lower",
    version=1,
    seats=1,
    open_seats=(0,),
    house=(),
    actions=NUMBERS,
    horizon=GUESSES,
    make_env=HigherLower,
    task="Guess a number from 1 to 9 in as few guesses as you can.",
    rules=(
        "After each guess you are told whether it was too high or too low.",
        f"You have {GUESSES} guesses.",
    ),
    success="the number was guessed",
    parse=parse_action_tag(tuple(NUMBERS)),
)

if __name__ == "__main__":
    for check in check_game(SPEC, episodes=20):
        print("ok    " if check.passed else "FAILED", check.name, "" if check.passed else check.detail)
    (row,) = evaluate("random", make_agent("random"), [SPEC], episodes=200)
    print(f"random guesses it in {row.success_rate:.0%} of {row.episodes} episodes")
