"""What the probe says of two policies, and how sure it is."""

import math

import pytest
import torch

from arena.training.language.probe import compare


def measured(shift, *, sampled, noise=0.02, tokens=1500, seed=0):
    """The probe of an engine that samples the `new` or the `old` policy, `shift` nats apart."""
    draw = torch.Generator().manual_seed(seed)

    def rounding():
        return noise * torch.randn(tokens, generator=draw)

    old = -torch.rand(tokens, generator=draw)
    new = old + shift * torch.randn(tokens, generator=draw)
    return compare((new if sampled == "new" else old) + rounding(), new + rounding(), old + rounding())


@pytest.mark.parametrize("seed", range(5))
def test_a_shift_as_large_as_the_rounding_is_decided(seed):
    new, old = (measured(0.02, sampled=which, seed=seed) for which in ("new", "old"))
    assert (new.proves_new, new.proves_old) == (True, False)
    assert (old.proves_new, old.proves_old) == (False, True)
    assert abs(new.error - old.error) < 0.02  # an error alone would need a tolerance between the two


def test_what_rounding_hides_is_never_called_old():
    probes = [measured(shift, sampled="new", seed=seed) for shift in (0.0, 1e-4, 2e-3) for seed in range(300)]
    assert not any(probe.proves_old for probe in probes)
    assert not any(measured(0.0, sampled="old", seed=seed).proves_new for seed in range(300))


def test_slope_and_its_error_against_the_textbook():
    engine, new, proven = (torch.randn(40, generator=torch.Generator().manual_seed(n)) for n in range(3))
    x = [float(a - b) for a, b in zip(new, proven, strict=True)]
    y = [float(a - b) for a, b in zip(engine, proven, strict=True)]
    slope = sum(a * b for a, b in zip(x, y, strict=True)) / sum(a * a for a in x)
    rest = [b - slope * a for a, b in zip(x, y, strict=True)]
    found = compare(engine, new, proven)
    assert found.slope == pytest.approx(slope, rel=1e-4)
    spread = math.sqrt(sum(r * r for r in rest) / 39 / sum(a * a for a in x))
    assert found.slope_error == pytest.approx(spread, rel=1e-4)
    assert found.error == pytest.approx(float((engine - new).abs().mean()), rel=1e-4)
    assert compare(engine, new, new).slope is None
