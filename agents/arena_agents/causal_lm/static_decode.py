"""Decoding over tensors that stay where they are, so that a step can be captured once as a CUDA graph.

A step of a small model is a thousand kernels of a few microseconds each, and starting them one by one takes
longer than they do. A captured graph starts them all at once. It reads and writes what was there when it was
captured: keys and values for so many rows (a bucket) and so many tokens (the room). Weights may change in
place. Rows that have ended stay until so few are left that a smaller bucket serves them.
Everything but the capture is the same on a CPU.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from arena_agents.causal_lm.attention import grouped
from arena_agents.causal_lm.forward import Prefilled, extend, select
from arena_agents.causal_lm.static_cache import Buffers, Layer, fits, layers_of

ROOM = 128  # the room is a multiple of this many tokens
SHRINK = 4  # rows move to a smaller bucket once no more than this part of them is left
# How far logits may be from those of the step that grows its cache: rounding, not another computation.
APART = {torch.float32: 1e-3}
COARSELY_APART = 1.0


class StaticDecoder:
    """Steps of `model`, kept from batch to batch; `capture` makes CUDA graphs of them.

    `works` turns False for good where a model does not bear it: the first step of all is compared with one
    whose cache grows.
    """

    def __init__(self, model: nn.Module, *, capture: bool) -> None:
        self.model, self.capture, self.works = model, capture, True
        self._proven = False
        self._buffers: Buffers | None = None
        self._steps: dict[int, Callable[[], Tensor]] = {}
        self._weights: tuple[int, ...] = ()
        self._pool: Any = None

    def load(self, read: Prefilled, rows_N: Tensor, more: int) -> StaticRows | None:
        """These rows (which may repeat) of what was read, and room for `more` tokens, if it can be had."""
        if not self.works or (layers := layers_of(read)) is None:
            return None
        room, rows = read.real_NT.shape[1] + more, _bucket(len(rows_N))
        if not self._make_room(layers[0], len(layers), rows, room):
            return None
        assert self._buffers is not None
        padded_N = torch.cat([rows_N, rows_N[:1].expand(rows - len(rows_N))]).to(read.real_NT.device)
        self._buffers.fill(layers, read, padded_N)
        if not self._proven:
            try:
                self._prove(read, rows_N, rows)
            except Exception as error:  # what a family's code does with tensors that it is not used to
                self._give_up(f"{type(error).__name__}: {str(error)[:200]}")
            finally:
                for layer, (keys, values) in zip(read.cache.layers, layers, strict=True):
                    layer.keys, layer.values = keys, values
            if not self.works:
                return None
            self._buffers.fill(layers, read, padded_N)
        return StaticRows(self, rows, len(rows_N))

    def _prove(self, read: Prefilled, rows_N: Tensor, rows: int) -> None:
        """Compare a step with one whose cache grows."""
        growing = GrowingRows(self.model, select(read, rows_N))
        ids_N = read.logits_NLV[rows_N.to(read.logits_NLV.device), 0].argmax(-1)
        logits_NV = StaticRows(self, rows, len(rows_N)).step(ids_N)
        apart = float((logits_NV.float() - growing.step(ids_N).float()).abs().max())
        self._proven = apart <= APART.get(logits_NV.dtype, COARSELY_APART)
        if not self._proven:
            self._give_up(f"its logits would be {apart:.2g} from the model's own")

    def _give_up(self, reason: str) -> None:
        """Never try again with this model."""
        self.works = False
        self.release()
        logging.getLogger(__name__).warning("a static cache does not serve this model: %s", reason)

    def sleep(self) -> None:
        """Give back what takes up much of the memory: to capture again costs less than to go without."""
        if self._buffers is not None and self._buffers.is_large():
            self.release()

    def release(self) -> None:
        """Give back the memory; the next batch takes it again."""
        self._steps, self._buffers, self._pool = {}, None, None

    def _make_room(self, like: Layer, layers: int, rows: int, room: int) -> bool:
        """Keep buffers that are large enough, or take larger ones; False where there is too little memory."""
        weights = tuple(parameter.data_ptr() for parameter in self.model.parameters())
        if self._buffers is not None and self._buffers.holds(rows, room) and weights == self._weights:
            return True
        held = self._buffers
        rows, room = max(rows, held.rows if held else 0), max(room, held.room if held else 0)
        room = -(-room // ROOM) * ROOM
        self.release()
        if not fits(like, layers, rows, room):
            return False
        try:
            self._buffers, self._weights = Buffers.make(like, layers, rows, room), weights
        except torch.cuda.OutOfMemoryError:
            return False
        return True

    def step_of(self, rows: int) -> Callable[[], Tensor]:
        """The step of a bucket: reads the ids there, and returns logits (rows, V)."""
        if rows not in self._steps:
            assert self._buffers is not None
            step = _step(self.model, self._buffers, rows)
            self._steps[rows] = self._captured(step) if self.capture else step
        return self._steps[rows]

    def _captured(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """The step as a graph; as it is where it cannot be captured."""
        assert self._buffers is not None
        at_1, positions_N1 = self._buffers.at_1.clone(), self._buffers.positions_N1.clone()
        try:
            return self._graph(step, at_1, positions_N1)
        except RuntimeError as error:
            self.capture = False
            logging.getLogger(__name__).warning("no CUDA graph of this model: %s", str(error)[:200])
            self._buffers.rewind(at_1, positions_N1)
            return step

    def _graph(self, step: Callable[[], Tensor], at_1: Tensor, positions_N1: Tensor) -> Callable[[], Tensor]:
        """The captured step. A graph knows addresses, not tensors: what `step` made outside must live on."""
        assert self._buffers is not None
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):  # libraries make themselves at home at their first calls
                step()
                self._buffers.rewind(at_1, positions_N1)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            logits_NV = step()
        self._pool = graph.pool()

        def replay(_reads: Callable[[], Tensor] = step) -> Tensor:
            graph.replay()
            return logits_NV

        return replay


class Rows(Protocol):
    """The replies of one batch that are going."""

    def step(self, ids_N: Tensor) -> Tensor:
        """Read one more token of each; the logits (N, V) of the next."""

    def keep(self, kept_N: Tensor) -> None:
        """Only these of the replies go on."""


class GrowingRows:
    """The replies of one batch, whose cache grows with them, and shrinks as they end."""

    def __init__(self, model: nn.Module, read: Prefilled) -> None:
        self._model, self._read = model, read

    def step(self, ids_N: Tensor) -> Tensor:
        """Read one more token of each; the logits (N, V) of the next."""
        self._read = extend(self._model, self._read, ids_N)
        return self._read.logits_NLV[:, -1]

    def keep(self, kept_N: Tensor) -> None:
        """Only these of the replies go on."""
        self._read = select(self._read, kept_N)


class StaticRows:
    """The replies of one batch: `count` of them are going, at `places` of a bucket."""

    def __init__(self, decoder: StaticDecoder, rows: int, count: int) -> None:
        self._decoder, self._rows = decoder, rows
        assert decoder._buffers is not None
        self._buffers = decoder._buffers
        self._places_N = torch.arange(count, device=self._buffers.ids_N1.device)

    def step(self, ids_N: Tensor) -> Tensor:
        """Read one more token of each; the logits (N, V) of the next."""
        self._buffers.ids_N1[self._places_N, 0] = ids_N
        return self._decoder.step_of(self._rows)()[self._places_N]

    def keep(self, kept_N: Tensor) -> None:
        """Only these of the replies go on."""
        self._places_N = self._places_N[kept_N.to(self._places_N.device)]
        if len(self._places_N) * SHRINK <= self._rows:
            self._rows = _bucket(len(self._places_N))
            self._buffers.compact(self._places_N)
            self._places_N = torch.arange(len(self._places_N), device=self._places_N.device)


def _step(model: nn.Module, buffers: Buffers, rows: int) -> Callable[[], Tensor]:
    """One forward pass over the first `rows`, and everything moved on by a token."""
    cache = buffers.cache(rows)
    bias, seen = buffers.bias[:rows], buffers.bias.new_zeros(rows, 1, 1, 1)
    ids_N1, positions_N1 = buffers.ids_N1[:rows], buffers.positions_N1[:rows]

    def step() -> Tensor:
        bias.index_copy_(3, buffers.at_1, seen)
        with grouped():
            out: Any = model(
                input_ids=ids_N1,
                attention_mask=bias,
                position_ids=positions_N1,
                past_key_values=cache,
                use_cache=True,
            )
        positions_N1.add_(1)
        buffers.at_1.add_(1)
        logits_NV: Tensor = out.logits[:, -1]
        return logits_NV

    return step


def _bucket(rows: int) -> int:
    """The power of two that holds so many."""
    return 1 << (rows - 1).bit_length()
