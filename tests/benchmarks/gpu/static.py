"""Is decoding over a static cache right, and if not, what of it: the kernel, the capture, an adapter?

The same tokens are read step by step in each way, in bfloat16, while rows end as in a rollout; each way's
log-probabilities are compared with those of the whole texts in float32. `growing` is what rounding costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from arena.training.config import MsgrpoConfig
from arena.training.language.learner import with_fresh_adapter
from arena_agents.base import Ids
from arena_agents.causal_lm import attention, static_decode
from arena_agents.causal_lm.forward import prefill, select
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.causal_lm.static_decode import GrowingRows, Rows, StaticDecoder
from arena_agents.engines.transformers import TransformersEngine
from tests.benchmarks.gpu.bench import Bench, decision_prompts, language_agent, some_replies

STEPS = 24


def products(
    query_NH1E: Tensor, key_NGTE: Tensor, value_NGTE: Tensor, mask: Tensor, scaling: float | None
) -> Tensor:
    """Grouped attention by matrix products, the scores in the model's precision."""
    return attention.plain_attention(query_NH1E, key_NGTE, value_NGTE, mask, scaling)


def expanded(
    query_NH1E: Tensor, key_NGTE: Tensor, value_NGTE: Tensor, mask: Tensor, scaling: float | None
) -> Tensor:
    """torch's kernel with a mask that has a row for each query, in memory."""
    rows, heads, _, width = query_NH1E.shape
    groups = key_NGTE.shape[1]
    query_NGRE = query_NH1E.reshape(rows, groups, heads // groups, width)
    whole = mask.expand(rows, groups, heads // groups, mask.shape[-1]).contiguous()
    found = functional.scaled_dot_product_attention(
        query_NGRE, key_NGTE, value_NGTE, attn_mask=whole, scale=scaling
    )
    return found.reshape(rows, 1, heads, value_NGTE.shape[-1])


# What attends in a step: ours as it is, ours by other kernels, transformers' own.
KERNELS: dict[str, Callable[..., Tensor] | None] = {
    "grouped": attention.grouped_attention,
    "mask expanded": expanded,
    "products": products,
    "keys copied": None,
}


def run(bench: Bench) -> None:
    for adapted in (False, True):
        for rows in (128, 32):
            Compared(bench, adapted, bench.few(rows, 4)).run()


class Compared:
    """One model and its prompts, read in each way."""

    def __init__(self, bench: Bench, adapted: bool, rows: int) -> None:
        self.bench, self.rows, self.adapted = bench, rows, adapted
        self.exact = self._model("float32")
        self.model = self._model("bfloat16")
        self.prompts = self._prompts(rows)
        steps = bench.few(STEPS, 6)
        self.replies = some_replies(rows, steps, 400)
        self.kept = {steps // 3: range(0, rows, 2), steps // 2: range(0, rows // 2, 3)}

    def _model(self, dtype: str) -> Any:
        model, self.tokenizer = self.bench.load(self.bench.folder(), dtype)
        config = MsgrpoConfig(game="frozen-lake", agent="hf:there", dtype=dtype)  # type: ignore[arg-type]
        return with_fresh_adapter(model, config) if self.adapted else model

    def _prompts(self, rows: int) -> list[Ids]:
        agent = language_agent(TransformersEngine(self.model, self.tokenizer), self.tokenizer)
        return decision_prompts(agent, "frozen-lake", rows // 2, 2)

    @torch.inference_mode()
    def run(self) -> None:
        expected_NK = read_replies(self.exact, self.prompts, self.replies)[0].float()
        whole_NK = read_replies(self.model, self.prompts, self.replies)[0].float()
        self._row("whole texts", [(whole_NK - expected_NK).flatten()])
        self._row("growing", self._follow(expected_NK, self._growing))
        for kernel in KERNELS:
            for capture in (False, True) if self.bench.on_gpu else (False,):
                name = f"static, {kernel}{', captured' if capture else ''}"
                with _attending(kernel):
                    self._row(name, self._follow(expected_NK, lambda capture=capture: self._static(capture)))

    def _growing(self) -> Rows:
        read = prefill(self.model, self.prompts, keep=1)
        return GrowingRows(self.model, select(read, torch.arange(self.rows)))

    def _static(self, capture: bool) -> Rows:
        decoder = StaticDecoder(self.model, capture=capture)
        decoder._proven = True  # how far it is off is the question
        rows = decoder.load(prefill(self.model, self.prompts, keep=1), torch.arange(self.rows), STEPS)
        assert rows is not None
        return rows

    def _follow(self, expected_NK: Tensor, begin: Callable[[], Rows]) -> list[Tensor]:
        """Differences from `expected_NK` of the tokens behind the first, step by step."""
        rows, left_N, found = begin(), torch.arange(self.rows), []
        ids_NK = torch.tensor(self.replies, device=self.bench.device)
        for step in range(ids_NK.shape[1] - 1):
            if step in self.kept:
                kept_N = torch.tensor([place for place in self.kept[step] if place < len(left_N)])
                rows.keep(kept_N)
                left_N = left_N[kept_N]
            here_N = left_N.to(ids_NK.device)
            logits_NV = rows.step(ids_NK[here_N, step])
            next_N1 = ids_NK[here_N, step + 1][:, None]
            own_N = logits_NV.float().log_softmax(-1).gather(-1, next_N1)[:, 0]
            found.append(own_N - expected_NK[here_N, step + 1])
        return found

    def _row(self, name: str, apart: list[Tensor]) -> None:
        every = torch.cat(apart).abs()
        real = every[~every.isnan()]
        steps = [round(float(one.abs().nanmean()), 4) for one in apart][:: max(1, len(apart) // 8)]
        self.bench.row(
            f"{name}: {self.rows} rows{', an adapter' if self.adapted else ''}",
            mean=round(float(real.mean()), 5),
            max=round(float(real.max()), 3),
            nan=int(every.isnan().sum()),
            of=len(every),
            by_step=steps,
        )


@contextmanager
def _attending(kernel: str) -> Iterator[None]:
    """Inside, a step of a static cache attends so."""
    own, grouped = attention.grouped_attention, static_decode.grouped
    chosen = KERNELS[kernel]
    if chosen is None:
        static_decode.grouped = nullcontext
    else:
        attention.grouped_attention = chosen  # type: ignore[assignment]
    try:
        yield
    finally:
        attention.grouped_attention, static_decode.grouped = own, grouped
