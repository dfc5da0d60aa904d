"""On another device than the CPU the trainer and its engine compute the same, and mix no tensors of both."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils import backend_registration

ROOT = Path(__file__).parents[3]


def computed(device):
    done = subprocess.run(
        [sys.executable, "-m", "tests.arena.training.device_worker", device],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch takes no device made in Python",
)
def test_a_model_on_another_device_computes_the_same():
    for there, here in zip(computed("pretended"), computed("cpu"), strict=True):
        assert there["drawn"] == here["drawn"]
        assert there["numbers"] == pytest.approx(here["numbers"], rel=1e-4)
        for found, expected in zip(there["logprobs"], here["logprobs"], strict=True):
            assert found == pytest.approx(expected, abs=1e-4)
