"""Sampling: the next token of each reply, from a model's logits and the reply's own random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from arena_agents.base import Sampling
from arena_agents.causal_lm.trees import ReplyTree


class Replies:
    """N replies as they are drawn, each with its own random numbers."""

    def __init__(
        self, sampling: Sampling, seeds: Sequence[int], ended: Callable[[list[int], Sampling], bool]
    ) -> None:
        self.sampling, self._ended = sampling, ended
        self._uniforms_NK = np.stack([_uniforms(seed, sampling.max_new_tokens) for seed in seeds])
        self.tokens: list[list[int]] = [[] for _ in seeds]
        self.logprobs: list[list[float]] = [[] for _ in seeds]

    def sample(self, replies: list[int], logits_NV: Tensor) -> Tensor:
        """The next token of each of these replies, (N,); all of them are equally long."""
        k = len(self.tokens[replies[0]])
        uniforms_N = torch.from_numpy(self._uniforms_NK[replies, k]).to(logits_NV.device)
        ids_N, logprobs_N = sample_tokens(logits_NV.float(), self.sampling, uniforms_N)
        for reply, token, logprob in zip(replies, ids_N.tolist(), logprobs_N.tolist(), strict=True):
            self.tokens[reply].append(token)
            self.logprobs[reply].append(logprob)
        return ids_N

    def ended(self, reply: int) -> bool:
        return self._ended(self.tokens[reply], self.sampling)

    def follow(self, logits_ULV: Tensor, rows: Sequence[int], tree: ReplyTree) -> list[int]:
        """Draw all replies along the tree, from the logits at its L places after their prompts' rows.

        Returns those that left it: they are drawn again from the start, by the same random numbers.
        """
        places, left = dict.fromkeys(range(len(self.tokens)), 0), []
        while places:
            active, at = list(places), list(places.values())
            places = {}
            ids = self.sample(active, logits_ULV[[rows[reply] for reply in active], at]).tolist()
            for reply, place, token in zip(active, at, ids, strict=True):
                if self.ended(reply):
                    continue
                if (place, token) in tree.children:
                    places[reply] = tree.children[place, token]
                else:
                    self.tokens[reply], self.logprobs[reply] = [], []
                    left.append(reply)
        return left


def sample_tokens(logits_NV: Tensor, sampling: Sampling, uniforms_N: Tensor) -> tuple[Tensor, Tensor]:
    """Token ids (N,) by inversion of the cumulative distribution, and their log-probabilities.

    The log-probabilities are those of the distribution drawn from: tempered, then cut to
    `top_k` and `top_p`. Greedy decoding reports the untempered ones.
    """
    if sampling.temperature == 0:
        logprobs_NV = torch.log_softmax(logits_NV, dim=-1)
        ids_N = logprobs_NV.argmax(dim=-1)
    else:
        logprobs_NV = torch.log_softmax(_cut(logits_NV / sampling.temperature, sampling), dim=-1)
        cumulative_NV = logprobs_NV.double().exp().cumsum(dim=-1)
        target_N1 = (uniforms_N * cumulative_NV[:, -1])[:, None]
        ids_N = torch.searchsorted(cumulative_NV, target_N1, right=True).squeeze(1)
        ids_N = ids_N.clamp(max=logits_NV.shape[-1] - 1)
    return ids_N, logprobs_NV.gather(-1, ids_N[:, None]).squeeze(1)


def _cut(logits_NV: Tensor, sampling: Sampling) -> Tensor:
    """Leave only the `top_k` likeliest tokens and the smallest set that holds `top_p`."""
    if 0 < sampling.top_k < logits_NV.shape[-1]:
        least_N1 = logits_NV.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits_NV = logits_NV.masked_fill(logits_NV < least_N1, -torch.inf)
    if sampling.top_p < 1:
        sorted_NV, order_NV = logits_NV.sort(dim=-1, descending=True)
        probs_NV = sorted_NV.softmax(dim=-1)
        outside_NV = probs_NV.cumsum(dim=-1) - probs_NV >= sampling.top_p
        logits_NV = logits_NV.masked_fill(outside_NV.gather(-1, order_NV.argsort(dim=-1)), -torch.inf)
    return logits_NV


def _uniforms(seed: int, count: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).random(count)
