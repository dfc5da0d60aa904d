"""Quantiles against scipy's and against the density, summed by hand."""

import math
import subprocess
import sys
from statistics import NormalDist

import numpy as np
import pytest
from scipy.special import ndtri

from arena_leaderboard.model.quantiles import normal_reach, normal_share_below, student_reach


@pytest.mark.parametrize("level", [0.5, 0.95, 0.975, 0.9999])
def test_normal_reach(level: float) -> None:
    assert normal_reach(level) == pytest.approx(float(ndtri((1 + level) / 2)), rel=1e-12)


def test_normal_share_below() -> None:
    values = np.array([[-3.0, -0.5], [0.0, 2.0]])
    expected = [[NormalDist().cdf(value) for value in row] for row in values.tolist()]
    np.testing.assert_allclose(normal_share_below(values), expected, rtol=1e-12)


@pytest.mark.parametrize("freedom", [1.0, 1.3, 2.0, 3.5, 10.0, 200.0])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_student_reach_holds_its_level(level: float, freedom: float) -> None:
    """With t = √ν tan φ the density in φ is cos^(ν−1) φ, which a sum over the middles integrates."""
    reach = math.atan(student_reach(level, freedom) / math.sqrt(freedom))
    assert _mass(reach, freedom) / _mass(math.pi / 2, freedom) == pytest.approx(level, abs=2e-5)


def _mass(reach: float, freedom: float, steps: int = 200_000) -> float:
    middles = (np.arange(steps) + 0.5) * reach / steps
    return float((np.cos(middles) ** (freedom - 1)).sum() * reach / steps)


def test_scipy_waits_until_it_is_needed() -> None:
    code = "import sys, arena_leaderboard; sys.exit(any(name.startswith('scipy') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
