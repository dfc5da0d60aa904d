"""How soon does nano learn tic-tac-toe's moves from examples, by how the position is written?

    python -m tests.benchmarks.board_text RUN/examples.jsonl --text shown|board|lists [--steps 1000]

reads the examples of an `arena sft openspiel:tic_tac_toe` run and teaches nano the same decisions with the
position as the game shows it, as the nine cells alone, or as lists of the cells that are its own, the
other's and free, in coordinates, each of which is one token to nano. Prints the loss, nats a decision, of
the last decisions taught and of positions kept back; the first line says what a uniform choice would have.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from arena_agents import nano

KEPT_BACK, LEARNING_RATE, BATCH, EVERY = 300, 2e-3, 64, 100
BOARD = re.compile(r"You are (\w)\.\n\n([xo.]{3})\n([xo.]{3})\n([xo.]{3})")
Example = tuple[list[int], list[int]]  # tokens of the prompt and of the reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("examples", type=Path)
    parser.add_argument("--text", choices=("shown", "board", "lists"), default="shown")
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    folder = Path(nano.__file__).parent / "model"
    known = examples(options.examples)
    print(f"a uniform choice has {uniform(known):.3f} nats", flush=True)
    taught, kept_back = tokens(known, AutoTokenizer.from_pretrained(folder), options.text)
    teach(AutoModelForCausalLM.from_pretrained(folder), taught, kept_back, options.steps)


def examples(file: Path) -> dict[str, list[tuple[str, str]]]:
    """By position: what was shown, and the teacher's reply, of each example."""
    found = defaultdict(list)
    for line in file.read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        shown, said = example["prompt"][-1]["content"], example["completion"][0]["content"]
        found[re.sub(r"Last move.*\n\n", "", shown)].append((shown, said))
    return dict(found)


def uniform(known: dict[str, list[tuple[str, str]]]) -> float:
    """Nats a decision of a uniform choice among the legal actions."""
    free = [position.partition("Legal actions:")[2].count("(") for position in known for _ in known[position]]
    return sum(math.log(count) for count in free) / len(free)


def written(shown: str, way: str) -> str:
    """A position in one of the three ways."""
    found = BOARD.match(shown)
    assert found is not None
    own, *rows = found.groups()
    if way == "shown":
        return shown
    if way == "board":
        return f"You are {own}.\n\n" + "\n".join(" ".join(row) for row in rows)
    other = "o" if own == "x" else "x"
    cells = [(row, column) for row in range(3) for column in range(3)]
    lists = [" ".join(f"({r}, {c})" for r, c in cells if rows[r][c] == whose) for whose in (own, other, ".")]
    return "You: {}\nHoles: {}\nGoal: {}".format(*(one or "-" for one in lists))


def tokens(
    known: dict[str, list[tuple[str, str]]], tokenizer: AutoTokenizer, way: str
) -> tuple[list[Example], list[Example]]:
    """Examples to teach, and of `KEPT_BACK` positions up to three each that are not taught."""
    order = sorted(known)
    random.Random(0).shuffle(order)

    def read(example: tuple[str, str]) -> Example:
        shown, said = example
        prompt = f"<|im_start|>user\n{written(shown, way)}<|im_end|>\n<|im_start|>assistant\n"
        return tokenizer(prompt)["input_ids"], tokenizer(f"{said}<|im_end|>\n")["input_ids"]

    held = set(order[:KEPT_BACK])
    taught = [
        read(example) for position in sorted(known) if position not in held for example in known[position]
    ]
    return taught, [read(example) for position in order[:KEPT_BACK] for example in known[position][:3]]


def teach(model: AutoModelForCausalLM, taught: list[Example], kept_back: list[Example], steps: int) -> None:
    """AdamW with a rate that rises over 20 steps, then falls to a tenth; prints both losses now and then."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    rng, began, recent = random.Random(1), time.process_time(), 0.0
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, (step + 1) / 20) * (0.1 + 0.9 * (1 - step / steps))
        found = loss(model, rng.sample(taught, BATCH))
        optimizer.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent = 0.95 * recent + 0.05 * found.item() if step else found.item()
        if (step + 1) % EVERY == 0:
            held, seconds = mean_loss(model, kept_back), time.process_time() - began
            print(f"{step + 1} steps  taught {recent:.3f}  kept back {held:.3f}  {seconds:.0f} s", flush=True)


@torch.no_grad()
def mean_loss(model: AutoModelForCausalLM, examples: list[Example]) -> float:
    parts = [examples[start : start + 100] for start in range(0, len(examples), 100)]
    return sum(loss(model, part).item() * len(part) for part in parts) / len(examples)


def loss(model: AutoModelForCausalLM, batch: Sequence[Example]) -> Tensor:
    """Nats a decision: the reply's tokens together, padding on the left."""
    longest = max(len(prompt) + len(reply) for prompt, reply in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, (prompt, reply) in enumerate(batch):
        whole = prompt + reply
        ids[row, longest - len(whole) :] = torch.tensor(whole)
        mask[row, longest - len(whole) :] = 1
        labels[row, longest - len(reply) :] = torch.tensor(reply)
    last = max(len(reply) for _, reply in batch) + 1
    places = mask.cumsum(1).sub(1).clamp(min=0)
    read = model(ids, attention_mask=mask, position_ids=places, logits_to_keep=last).logits[:, :-1]
    targets = labels[:, 1 - last :]
    nats = cross_entropy(read.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
    return nats / len(batch)


if __name__ == "__main__":
    main()
