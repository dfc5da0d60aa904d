"""A simulator of stored episodes written from docs/record.md alone: it shares no code with the arena.

Naive on purpose: lists, loops, no speed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LAKE = {"frozen-lake": (0.80, 8), "frozen-lake-slippery": (0.90, 15)}
LAKE_ACTIONS = ["left", "down", "right", "up"]
LAKE_MOVES = [(-1, 0), (0, -1), (1, 0), (0, 1)]
SNAKE = {
    "snake": (7, 2, 1, 1.0),
    "snake-poison": (7, 2, 1, -1.0),
    "snake-duel": (7, 2, 2, 1.0),
    "snake-royale": (11, 4, 4, 1.0),
}
SNAKE_ACTIONS = ["up", "down", "left", "right"]
SNAKE_MOVES = [(0, 1), (0, -1), (-1, 0), (1, 0)]


def named(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def D(*numbers: int) -> int:
    return named(":".join(str(number) for number in numbers))


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


class Lake:
    """FrozenLake: who moves, what it sees, and how it ends."""

    def __init__(self, game: str, seed: int) -> None:
        self.ice, self.horizon = LAKE[game]
        self.slippery, self.actions = game.endswith("slippery"), LAKE_ACTIONS
        self.rng, self.turn, self.player = generator(seed), 0, (0, 3)
        self.holes = self.draw({1: "train", 2: "validation", 3: "test"}.get(seed // 2**46))
        self.returns = [0.0]

    def draw(self, split: str | None) -> set[tuple[int, int]]:
        cells = [(x, y) for y in range(4) for x in range(4) if (x, y) not in ((0, 3), (3, 0))]
        while True:
            numbers = self.rng.random(14)
            holes = {cell for cell, number in zip(cells, numbers, strict=True) if not number < self.ice}
            if self.crossed(holes) and split in (None, self.split(holes)):
                return holes

    def crossed(self, holes: set[tuple[int, int]]) -> bool:
        reached = {(0, 3)}
        for _ in range(self.horizon):
            reached |= {(x + dx, y + dy) for x, y in reached for dx, dy in LAKE_MOVES}
            reached = {(x, y) for x, y in reached if 0 <= x < 4 and 0 <= y < 4 and (x, y) not in holes}
        return (3, 0) in reached

    def split(self, holes: set[tuple[int, int]]) -> str:
        words = " ".join(f"({x}, {y})" for x, y in sorted(holes)) or "none"
        number = named(f"frozen-lake maps 927: 4x4 {words}") % 10
        return "test" if number < 2 else "validation" if number < 4 else "train"

    def over(self) -> bool:
        return self.player == (3, 0) or self.player in self.holes or self.turn == self.horizon

    def movers(self) -> list[int]:
        return [] if self.over() else [0]

    def seen(self, seat: int) -> list[str]:
        x, y = self.player
        holes = " ".join(f"({x}, {y})" for x, y in sorted(self.holes)) or "none"
        return [f"Moves left: {self.horizon - self.turn}", f"You: ({x}, {y})", f"Holes: {holes}"]

    def move(self, actions: dict[int, int]) -> dict[int, float]:
        way = actions[0]
        if self.slippery:
            way = (way + int(self.rng.integers(3)) - 1) % 4
        x, y = self.player[0] + LAKE_MOVES[way][0], self.player[1] + LAKE_MOVES[way][1]
        if 0 <= x < 4 and 0 <= y < 4:
            self.player = (x, y)
        self.turn += 1
        return {0: 1.0 if self.player == (3, 0) else 0.0}

    def result(self) -> tuple[list[int], list[bool], str]:
        ended = self.player == (3, 0) or self.player in self.holes
        return [1], [self.player == (3, 0)], "finished" if ended else "truncated"

    def house(self, seat: int, rng: np.random.Generator) -> int:
        return int(rng.integers(4))


class Snakes:
    """All four Snake scenarios."""

    def __init__(self, game: str, seed: int) -> None:
        self.size, self.seats, self.open, self.worth = SNAKE[game]
        self.actions, self.rng, self.turn = SNAKE_ACTIONS, generator(seed), 0
        drawn = self.rng.choice(self.size * self.size, self.seats + 5, replace=False)
        cells = [(int(n) % self.size, int(n) // self.size) for n in drawn]
        self.bodies = [[cell] for cell in cells[: self.seats]]
        self.apples = cells[self.seats :]
        self.life, self.eaten = [0] * self.seats, [0] * self.seats

    def over(self) -> bool:
        living = sum(1 for body in self.bodies if body)
        return self.turn == 20 or (not self.bodies[0] if self.open == 1 else living <= 1)

    def movers(self) -> list[int]:
        return [] if self.over() else [seat for seat in range(self.seats) if self.bodies[seat]]

    def seen(self, seat: int) -> list[str]:
        def words(body: list[tuple[int, int]]) -> str:
            if not body:
                return "dead"
            return f"head {body[0]} body {' '.join(str(cell) for cell in body[1:]) or 'none'}"

        others = [f"Snake {n + 1}: {words(b)}" for n, b in enumerate(self.bodies) if n != seat]
        apples = " ".join(str(cell) for cell in self.apples) or "none"
        return [
            f"Moves left: {20 - self.turn}",
            f"You: {words(self.bodies[seat])}",
            *others,
            f"Apples: {apples}",
        ]

    def move(self, actions: dict[int, int]) -> dict[int, float]:
        before = {cell for body in self.bodies for cell in body}
        heads = {}
        for seat, action in actions.items():
            x, y = self.bodies[seat][0]
            heads[seat] = (x + SNAKE_MOVES[action][0], y + SNAKE_MOVES[action][1])
        paid, eaten = {}, []
        for seat, (x, y) in heads.items():
            shared = sum(1 for head in heads.values() if head == (x, y)) > 1
            outside = not (0 <= x < self.size and 0 <= y < self.size)
            if outside or shared or (x, y) in before:
                self.bodies[seat], paid[seat] = [], -1.0
                continue
            paid[seat], self.life[seat] = 0.0, self.turn + 1
            self.bodies[seat].insert(0, (x, y))
            if (x, y) in self.apples:
                eaten.append((x, y))
                self.eaten[seat] += 1
                paid[seat] = self.worth
            else:
                self.bodies[seat].pop()
        self.turn += 1
        if eaten:
            self.restock(eaten)
        return paid

    def restock(self, eaten: list[tuple[int, int]]) -> None:
        left = [apple for apple in self.apples if apple not in eaten]
        taken = [cell for body in self.bodies for cell in body] + left
        free = [(x, y) for y in range(self.size) for x in range(self.size) if (x, y) not in taken]
        new = min(len(eaten), len(free))
        if new == 1:
            numbers = [int(self.rng.integers(len(free)))]
        else:
            numbers = [int(n) for n in self.rng.choice(len(free), new, replace=False)]
        self.apples = left + [free[number] for number in numbers]

    def result(self) -> tuple[list[int], list[bool], str]:
        keys = [(self.life[seat], self.worth * self.eaten[seat]) for seat in range(self.seats)]
        places = [1 + sum(1 for other in keys if other > key) for key in keys]
        last = self.turn == 20
        successes = (
            [bool(body) and last for body in self.bodies] if self.open == 1 else [p == 1 for p in places]
        )
        return places, successes, "truncated" if last and any(self.bodies) else "finished"

    def house(self, seat: int, rng: np.random.Generator) -> int:
        x, y = self.bodies[seat][0]
        safe = []
        for action, (dx, dy) in enumerate(SNAKE_MOVES):
            inside = 0 <= x + dx < self.size and 0 <= y + dy < self.size
            if inside and (x + dx, y + dy) not in self.bodies[seat][1:]:
                safe.append(action)
        safe = safe or [0, 1, 2, 3]
        return safe[int(rng.integers(len(safe)))]


def parsed(reply: str, actions: list[str]) -> int | None:
    """The action that a reply names, None if it is invalid."""
    found = re.findall(r"<action>(.*?)</action>", reply, re.IGNORECASE | re.DOTALL)
    tags = re.findall(r"</?action>", reply, re.IGNORECASE)
    if len(tags) > 2 or not found or found[0].strip().lower() not in actions:
        return None
    return actions.index(found[0].strip().lower())


@dataclass
class Stored:
    """One episode as the file has it."""

    number: int
    id: str
    game: str
    seed: int
    players: list[str]
    returns: list[float]
    placements: list[int]
    successes: list[bool]
    end: str
    steps: list[Any]

    @property
    def repeat(self) -> int:
        return int(self.id.split(":")[2])


def stored_texts(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    """Every text by its digest, whole or packed."""
    texts = dict(connection.execute("SELECT digest, text FROM texts"))
    bases = dict(connection.execute("SELECT number, text FROM bases"))
    for digest, base, text in connection.execute("SELECT digest, base, text FROM packed"):
        texts[digest] = zlib.decompressobj(-15, zdict=bases[base]).decompress(text)
    for digest, text in texts.items():
        assert hashlib.blake2b(text, digest_size=16).digest() == digest
    return texts


def stored_episodes(path: Path) -> Iterator[Stored]:
    """All episodes of a run's file."""
    connection = sqlite3.connect(path)
    texts = stored_texts(connection)
    columns = 'number, id, game, seed, players, returns, placements, successes, "end"'
    for row in connection.execute(f"SELECT {columns} FROM episodes ORDER BY number"):
        found = connection.execute(
            "SELECT seat, turn, observation, legal, reply, action, invalid, reward FROM steps "
            "WHERE episode = ? ORDER BY position",
            (row[0],),
        )
        steps = [
            (seat, turn, texts[seen], legal, texts[said], *rest)
            for seat, turn, seen, legal, said, *rest in found
        ]
        number, id_, game, seed, *by_seat, end = row
        lists = [json.loads(column) for column in by_seat]
        yield Stored(number, id_.decode(), game.decode(), seed, *lists, end, steps)
    connection.close()


def differences(stored: Stored) -> list[str]:
    """Everything in which the episode comes out otherwise when it is played again."""
    game = Lake(stored.game, stored.seed) if stored.game in LAKE else Snakes(stored.game, stored.seed)
    seats = len(stored.players)
    wrong, returns, turns = [], [0.0] * seats, [0] * seats
    rewards = [0.0] * len(stored.steps)
    position = 0
    while game.movers():
        actions, deciding = {}, {}
        views = {seat: game.seen(seat) for seat in game.movers()}
        for seat in game.movers():
            if position == len(stored.steps):
                return [*wrong, f"goes on after step {position}"]
            at, turn, seen, legal, reply, action, invalid, _ = stored.steps[position]
            d = D(stored.seed, stored.repeat, seat, turns[seat])
            lines, reply = seen.decode().split("\n"), reply.decode("utf-8", "surrogatepass")
            if (at, turn, json.loads(legal)) != (seat, turns[seat], [0, 1, 2, 3]):
                wrong.append(f"step {position}: seat {at}, turn {turn}, legal {legal}")
            if not all(line in lines for line in views[seat]):
                wrong.append(f"step {position}: {lines} lacks one of {views[seat]}")
            if stored.players[seat] == "house:random":
                said = f"<action>{game.actions[game.house(seat, generator(d))]}</action>"
                if said != reply:
                    wrong.append(f"step {position}: the house said {reply}, not {said}")
            play = parsed(reply, game.actions)
            if (play is None) != (invalid is not None):
                wrong.append(f"step {position}: {reply!r} was {invalid}")
            if play is None:
                play = int(generator(D(d, 1)).choice([0, 1, 2, 3]))
            if play != action:
                wrong.append(f"step {position}: {action} was played, not {play}")
            actions[seat], deciding[seat] = play, position
            turns[seat] += 1
            position += 1
        for seat, paid in game.move(actions).items():
            rewards[deciding[seat]] += paid
            returns[seat] += paid
    if position != len(stored.steps):
        wrong.append(f"ended after step {position}, not {len(stored.steps)}")
    if rewards != [step[-1] for step in stored.steps]:
        wrong.append(f"rewards {rewards}")
    found = (*game.result()[:2], game.result()[2], returns)
    kept = (stored.placements, stored.successes, stored.end, stored.returns)
    return wrong if found == kept else [*wrong, f"{found} where {kept} is stored"]
