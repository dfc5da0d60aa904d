"""Prompts of different lengths, and the replies behind them, as the rows of one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from arena_agents.base import Ids
from arena_agents.causal_lm.trees import ReplyTree, depths, tree_mask


@dataclass(frozen=True, slots=True)
class Packed:
    """N rows as a forward pass takes them: padding, a prompt, a tree of replies, padding.

    L positions are given to the model, after T − S columns of what it has read. `mask` is (N, T + D),
    1 at real tokens, or (N, 1, L, T + D), what each token sees; `real_NT` marks the prompts' real tokens.
    """

    ids_NL: Tensor
    positions_NL: Tensor
    mask: Tensor
    real_NT: Tensor


def pack(
    prompts: Sequence[Ids],
    trees: Sequence[ReplyTree],
    read: Sequence[int],
    pad_id: int,
    device: torch.device,
) -> Packed:
    """Each prompt, less so many tokens that were `read` of it, and a tree of replies behind it."""
    own = [prompt[count:] for prompt, count in zip(prompts, read, strict=True)]
    ids_NS, real_NS = left_padded(own, pad_id, device)
    _, before = left_padded([prompt[:count] for prompt, count in zip(prompts, read, strict=True)], 0, device)
    real_NT = torch.cat([before, real_NS], dim=1)
    columns = before.shape[1]
    positions_NT = (real_NT.cumsum(1) - 1).clamp(min=0)
    nodes_ND, in_tree_ND = right_padded([tree.tokens for tree in trees], pad_id, device)
    depths_ND, _ = right_padded([depths(tree) for tree in trees], 0, device)
    return Packed(
        ids_NL=torch.cat([ids_NS, nodes_ND], dim=1),
        positions_NL=torch.cat([positions_NT[:, columns:], real_NT.sum(1, keepdim=True) + depths_ND], dim=1),
        mask=torch.cat([real_NT, in_tree_ND], dim=1)
        if all(tree.is_chain for tree in trees)
        else tree_mask(real_NT, columns, trees),
        real_NT=real_NT,
    )


def left_padded(rows: Sequence[Ids], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids (N, S) padded on the left, and 1 where a token is real."""
    width = max(len(row) for row in rows)
    ids = [[pad_id] * (width - len(row)) + list(row) for row in rows]
    real = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return (
        torch.tensor(ids, dtype=torch.long, device=device),
        torch.tensor(real, dtype=torch.long, device=device),
    )


def right_padded(rows: Sequence[Ids], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids (N, D) padded on the right, and 1 where a token is real."""
    width = max(len(row) for row in rows)
    ids = [[*row, *[pad_id] * (width - len(row))] for row in rows]
    real = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return (
        torch.tensor(ids, dtype=torch.long, device=device),
        torch.tensor(real, dtype=torch.long, device=device),
    )
