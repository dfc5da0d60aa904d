"""Which short cuts a family of models bears, found out before its first reply.

A short cut that a family does not bear seldom fails: it draws, and learns from, log-probabilities that are
wrong, by nats once a prompt outgrows a window. So each is tried on a small random twin of the model (see
`twin`), on texts longer than its window, and must draw, and learn from, what the plain forward pass says.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from arena_agents.causal_lm.decoder import causal_model, has_plain_head
from arena_agents.causal_lm.family import ANY, Family, PlainPath, ShortCuts
from arena_agents.causal_lm.trial import Trial, texts
from arena_agents.causal_lm.twin import VOCABULARY, WINDOW, twin, windows

LONG = texts(WINDOW + 4, (2, 9, 20), VOCABULARY)
SHORT = texts(9, (1, 3, 6), VOCABULARY)  # with a tree of replies within the window

NOT_CAUSAL = "what it says of a token depends on later ones, so it is no causal language model there"
NOT_DRAWN = "transformers.generate does not draw what its forward pass says"

_proven: dict[tuple[Any, ...], Family] = {}
_silence = threading.RLock()  # the process's filters, put back crosswise by two threads, would stay off


def prove(model: Any) -> Family:
    """How a model is to be read, with an adapter or without. Each kind is tried once in a process.

    What is slow, or impossible, is said then.
    """
    whole = causal_model(model)
    adapted = model is not whole
    attention, described = whole.config._attn_implementation, whole.config.to_json_string(use_diff=False)
    key = type(whole), adapted, attention, described
    if key not in _proven:
        with torch.inference_mode(False), torch.enable_grad(), quiet():
            _proven[key] = _prove(whole, adapted=adapted)
        if _proven[key].note:
            logging.getLogger(__name__).warning(_proven[key].note)
    return _proven[key]


def _prove(whole: Any, *, adapted: bool) -> Family:
    name, window = type(whole).__name__, min(windows(whole.config), default=0)
    try:
        small = twin(whole)
        Trial(small, SHORT).is_causal()
    except Exception:  # no twin can be made: short texts, on the weights themselves, must do
        return family_of(Trial(whole, SHORT, level=window > 0, gradient=False), None, name, window)
    try:
        small = with_adapter(small) if adapted else small
        short, long = Trial(small, SHORT, level=True), Trial(small, LONG)
        short.is_causal()
    except Exception as error:
        return Family(name, ShortCuts(0, 0, 0), reason=f"peft cannot adapt its layers ({error})")
    return family_of(short, long, name, window)


def with_adapter(model: Any) -> Any:
    """The model with a small random adapter on its linear layers."""
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return get_peft_model(
            model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
        ).eval()


def family_of(short: Trial, long: Trial | None, name: str, window: int) -> Family:
    """What trials show of a family whose texts may not be longer than `window`, 0 if there is none.

    Without a trial of `long` texts what short ones show is taken to hold within the window.
    """
    if not short.is_causal():
        return Family(name, ShortCuts(0, 0, 0), reason=NOT_CAUSAL)
    family = Family(name, plain_head=has_plain_head(short.model))
    family = replace(family, short_cuts=_short_cuts(family, short, long, window))
    if family.short_cuts.longest == ANY:
        return family
    if long and not long.is_causal():
        return replace(family, reason=NOT_CAUSAL)
    path = _plain_path(family, short, long or short)
    return replace(family, plain=path, reason="" if path else NOT_DRAWN)


@contextmanager
def quiet() -> Iterator[None]:
    """Trials that fail are no news: neither transformers nor torch warns of them."""
    with _silence, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level = transformers_logging.get_verbosity()
        transformers_logging.set_verbosity_error()
        try:
            yield
        finally:
            transformers_logging.set_verbosity(level)


def _short_cuts(family: Family, short: Trial, long: Trial | None, window: int) -> ShortCuts:
    """All if they agree, else each that does beside those before it: at any length, or within the window."""
    trials = [(long, ANY)] if long else []
    if window or not long:
        trials.append((short, window or ANY))
    if trials[0][0].agrees(family, ShortCuts()):
        reach = trials[0][1]
        return ShortCuts(reach, reach, reach)
    found = ShortCuts(0, 0, 0)
    for trial, reach in trials:
        for more in (_longest, _without_ends, _shared, _trees):
            tried = more(found, reach)
            if tried != found and trial.agrees(family, _within(tried, reach)):
                found = tried
    return found


def _longest(cuts: ShortCuts, reach: int) -> ShortCuts:
    return cuts if cuts.longest else replace(cuts, longest=reach)


def _without_ends(cuts: ShortCuts, reach: int) -> ShortCuts:
    return cuts if cuts.longest else replace(cuts, longest=reach, ends=False)


def _shared(cuts: ShortCuts, reach: int) -> ShortCuts:
    return cuts if cuts.shared or reach > cuts.longest else replace(cuts, shared=reach)


def _trees(cuts: ShortCuts, reach: int) -> ShortCuts:
    return cuts if cuts.trees or reach > cuts.longest else replace(cuts, trees=reach)


def _within(cuts: ShortCuts, reach: int) -> ShortCuts:
    """What serves texts of this length, as if it served any."""
    longest, shared, trees = (ANY if r >= reach else 0 for r in (cuts.longest, cuts.shared, cuts.trees))
    return ShortCuts(longest, shared, trees, cuts.ends)


def _plain_path(family: Family, short: Trial, long: Trial) -> PlainPath | None:
    """The quickest that agrees."""
    for path in (PlainPath(), PlainPath(padded=False), PlainPath(padded=False, cached=False)):
        if long.draws_plainly(path) and short.draws_plainly(path):
            together = (path, replace(path, together=False))
            return next((p for p in together if long.reads_plainly(family, p)), None)
    return None
