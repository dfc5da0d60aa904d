"""Replies as a tree behind their prompt, so that all of them are read in one pass.

What replies begin alike with is read once, and the prompt itself once for all of them. A token sees
the prompt and its own ancestors, no other branch, so that everything is as if each reply stood alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from arena_agents.base import Ids
from arena_agents.causal_lm.decoder import causal_model


@dataclass(frozen=True, slots=True)
class ReplyTree:
    """D tokens. Place 0 is the prompt's last token, place i the tree's i-th.

    `parents` holds the place before each token; `children` leads from a place and a token to the next
    place. The last token of a reply is not in the tree: nothing is predicted after it.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    children: dict[tuple[int, int], int]

    def places(self, reply: Ids) -> list[int]:
        """Where each token of a reply of this tree is predicted."""
        places = [0]
        for token in reply[:-1]:
            places.append(self.children[places[-1], token])
        return places

    @property
    def is_chain(self) -> bool:
        return self.parents == tuple(range(len(self.parents)))


def reply_tree(replies: Iterable[Ids]) -> ReplyTree:
    """The tree of these replies; empty if none is longer than a token."""
    tokens: list[int] = []
    parents: list[int] = []
    children: dict[tuple[int, int], int] = {}
    for reply in replies:
        place = 0
        for token in reply[:-1]:
            if (place, token) not in children:
                tokens.append(token)
                parents.append(place)
                children[place, token] = len(tokens)
            place = children[place, token]
    return ReplyTree(tuple(tokens), tuple(parents), children)


def depths(tree: ReplyTree) -> list[int]:
    """How many of the tree's tokens stand before each of them."""
    found: list[int] = []
    for parent in tree.parents:
        found.append(found[parent - 1] + 1 if parent else 0)
    return found


def tree_mask(real_NT: Tensor, shared: int, trees: Sequence[ReplyTree]) -> Tensor:
    """What each token sees, bool (N, 1, S + D, T + D), of S = T − `shared` prompt tokens and a tree's D.

    A prompt's tokens see the real ones (`real_NT`) up to themselves, a tree's the prompt and their ancestors.
    """
    prompt, nodes = real_NT.shape[1], max(len(tree.tokens) for tree in trees)
    device, length = real_NT.device, prompt + nodes
    seen_NLL = torch.ones(length, length, dtype=torch.bool, device=device).tril().repeat(len(trees), 1, 1)
    seen_NLL[:, prompt:, prompt:] = torch.stack([_ancestors(tree.parents, nodes) for tree in trees]).to(
        device
    )
    seen_NLL[:, :, :prompt] &= real_NT.bool()[:, None]
    # Padding sees itself: what sees nothing at all would be no number.
    seen_NLL |= torch.eye(length, dtype=torch.bool, device=device)
    return seen_NLL[:, None, shared:]


@lru_cache(maxsize=1024)
def _ancestors(parents: tuple[int, ...], size: int) -> Tensor:
    """bool (size, size): whether a token (row) follows another (column) in its branch."""
    ancestors_DD = torch.zeros(size, size, dtype=torch.bool)
    for node, parent in enumerate(parents):
        if parent:
            ancestors_DD[node] = ancestors_DD[parent - 1]
            ancestors_DD[node, parent - 1] = True
    return ancestors_DD


def takes_trees(model: Any) -> bool:
    """Whether the model attends by a mask that is given whole, and by nothing else."""
    config = causal_model(model).config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return config._attn_implementation == "sdpa" and kinds == {"full_attention"}
