"""What texts began with, kept: keys and values of tokens that need not be read again.

Most of a decision's prompt is the same in every decision of a game. Tokens are kept in blocks, each behind
those before it, so that a text finds the longest beginning that it has in common with any text before it.
What is kept is right for the weights that read it and for no others: see `Beginnings.check`.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from arena_agents.base import Ids

BLOCK = 8  # tokens
ROOM = 2**28  # bytes that are kept at most
WORTH_A_PASS = 64  # tokens that reading a common beginning by itself must save
SAMPLED = 64  # values of each parameter that tell whether it has changed
ROOT = -1

Key = tuple[int, tuple[int, ...]]  # the slot of the block before, and a block's tokens


@dataclass(frozen=True, slots=True)
class Plan:
    """N texts as paths through a tree of blocks, parents before children; `slots` of those that are kept."""

    rows: Sequence[Ids]
    paths: list[list[int]]
    blocks: list[Key]  # of each node its parent, a node too, and its tokens
    slots: list[int | None]

    def kept(self, path: list[int]) -> list[int]:
        """The slots of a path's leading blocks."""
        found: list[int] = []
        for node in path:
            slot = self.slots[node]
            if slot is None:
                break
            found.append(slot)
        return found


class Beginnings:
    """Blocks of tokens that were read; `_slots` are in the order of their last use, children before parents.

    A slot is a row of each layer's keys and values, (slots, heads, BLOCK, head size). Where there is no room
    for more, what was not used for longest is forgotten, and never before what follows it.
    """

    def __init__(self, room: int = ROOM, *, level: bool = False) -> None:
        """With `level` no row has read more than another, so that no padding comes amid a text."""
        self.room, self.level = room, level
        self._weights: tuple[Any, ...] = ()
        self.drop()

    def drop(self) -> None:
        """Forget everything: the weights have changed, or the memory is needed."""
        self._slots: OrderedDict[Key, int] = OrderedDict()
        self._layers: list[tuple[Tensor, Tensor]] = []
        self._free: list[int] = []

    def check(self, model: nn.Module) -> None:
        """Forget everything unless the weights are those that read it (see `fingerprint`)."""
        weights = fingerprint(model)
        if weights != self._weights:
            self.drop()
            self._weights = weights

    def begin(self, rows: Sequence[Ids], read: Callable[[list[Ids]], Any]) -> Plan:
        """How to read these texts, after their common beginnings were `read`, and thereby kept."""
        plan = self.plan(rows)
        if common := self.common(plan):
            read(common)
            plan = self.plan(rows)
        return plan

    def plan(self, rows: Sequence[Ids]) -> Plan:
        """Each text's whole blocks; its last token is in none, as something is predicted from there."""
        nodes: dict[Key, int] = {}
        paths: list[list[int]] = []
        for row in rows:
            node, path = ROOT, []
            for start in range(0, (len(row) - 1) // BLOCK * BLOCK, BLOCK):
                node = nodes.setdefault((node, tuple(row[start : start + BLOCK])), len(nodes))
                path.append(node)
            paths.append(path)
        slots: list[int | None] = []
        for parent, tokens in nodes:
            before = ROOT if parent == ROOT else slots[parent]
            slots.append(None if before is None else self._slots.get((before, tokens)))
        return Plan(rows, paths, list(nodes), slots)

    def common(self, plan: Plan) -> list[Ids]:
        """What several of the texts begin with and is not kept: worth reading once for all of them."""
        counts = Counter(node for path in plan.paths for node in path)
        found: dict[int, Ids] = {}
        inner: set[int] = set()
        for path, row in zip(plan.paths, plan.rows, strict=True):
            together = [node for node in path if counts[node] > 1]
            saved = sum(counts[node] - 1 for node in together if plan.slots[node] is None)
            if saved * BLOCK >= WORTH_A_PASS:
                found[together[-1]] = row[: len(together) * BLOCK + 1]
                inner.update(together[:-1])
        return [text for node, text in found.items() if node not in inner]

    def cache(self, plan: Plan) -> tuple[DynamicCache, list[int]]:
        """A cache that has read what is kept, padded on the left, and how many tokens of each row that is."""
        cache, kept = DynamicCache(), [plan.kept(path) for path in plan.paths]
        blocks = (min if self.level else max)(map(len, kept))
        kept = [slots[:blocks] for slots in kept]
        if blocks:
            padded = torch.tensor([[0] * (blocks - len(slots)) + slots for slots in kept])
            for number, layer in enumerate(self._layers):
                keys, values = (part[padded.to(part.device)].transpose(1, 2).flatten(2, 3) for part in layer)
                cache.update(keys, values, number)
        return cache, [len(slots) * BLOCK for slots in kept]

    def keep(self, cache: DynamicCache, plan: Plan) -> None:
        """Keep what a cache whose rows end with these texts holds of them, as far as there is room."""
        places: dict[int, tuple[int, int]] = {}  # of new nodes: a row, and where in it, from its end
        for number, (path, row) in enumerate(zip(plan.paths, plan.rows, strict=True)):
            for block, node in enumerate(path):
                if plan.slots[node] is None:
                    places.setdefault(node, (number, block * BLOCK - len(row)))
        new = sorted(places)  # parents first
        slots = self._make_room(cache, len(new), {slot for slot in plan.slots if slot is not None})
        new = new[: len(slots)]
        if new:
            self._write(cache, [places[node] for node in new], slots)
        of_node = {**dict(enumerate(plan.slots)), **dict(zip(new, slots, strict=True)), ROOT: ROOT}
        for node in reversed(range(len(plan.blocks))):
            parent, tokens = plan.blocks[node]
            before, slot = of_node[parent], of_node[node]
            if before is not None and slot is not None:
                self._slots[before, tokens] = slot
                self._slots.move_to_end((before, tokens))

    def _make_room(self, cache: DynamicCache, wanted: int, busy: set[int]) -> list[int]:
        """Up to so many free slots; none that is `busy` is forgotten for them."""
        parts = [(layer.keys, layer.values) for layer in cache.layers]
        size = BLOCK * sum(part[0, :, 0].numel() * part.element_size() for pair in parts for part in pair)
        have = len(self._layers[0][0]) if self._layers else 0
        more = min(max(wanted - len(self._free), 0), self.room // size - have)
        if more > 0:
            grown = [
                [part.new_zeros(more, part.shape[1], BLOCK, part.shape[3]) for part in pair] for pair in parts
            ]
            old = self._layers or [(keys[:0], values[:0]) for keys, values in grown]
            self._layers = [
                (torch.cat([old_keys, keys]), torch.cat([old_values, values]))
                for (old_keys, old_values), (keys, values) in zip(old, grown, strict=True)
            ]
            self._free += range(have, have + more)
        while len(self._free) < wanted and self._slots:
            key, slot = next(iter(self._slots.items()))
            if slot in busy:
                break
            del self._slots[key]
            self._free.append(slot)
        taken, self._free = self._free[:wanted], self._free[wanted:]
        return taken

    def _write(self, cache: DynamicCache, places: list[tuple[int, int]], slots: list[int]) -> None:
        for layer, kept in zip(cache.layers, self._layers, strict=True):
            for part, into in zip((layer.keys, layer.values), kept, strict=True):
                rows_M, starts_M = torch.tensor(places, device=part.device).unbind(1)
                columns_MB = starts_M[:, None] + torch.arange(BLOCK, device=part.device) + part.shape[-2]
                found_MBHD = part.transpose(1, 2)[rows_M[:, None], columns_MB]
                into[torch.tensor(slots, device=part.device)] = found_MBHD.transpose(1, 2)


def fingerprint(model: nn.Module) -> tuple[Any, ...]:
    """What differs where weights do: where they lie, how often they were written to, some of their values.

    torch does not count what is written through `.data` or by a fused optimiser, so values are looked at
    too: an update changes them everywhere. Which adapter is on, or none, counts as well.
    """
    parameters = list(model.parameters())
    counted = tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in parameters)
    sampled = [p.detach().flatten()[:SAMPLED].double().sum() for p in parameters if p.numel()]
    tuners: Any = sys.modules.get("peft.tuners.tuners_utils")  # where nothing is adapted, it is not loaded
    adapters = tuple(
        (repr(module.active_adapters), module.disable_adapters, module.merged)
        for module in (model.modules() if tuners else ())
        if isinstance(module, tuners.BaseTunerLayer)
    )
    return counted, tuple(torch.stack(sampled).tolist()), adapters
