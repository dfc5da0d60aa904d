"""What is exported reaches the Hub byte for byte; where it does not, one line says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, ModelCard, constants
from typer.testing import CliRunner

from arena import Tournament, UsageError, run_tournament
from arena.cli import app as cli
from arena.training.export.push import push_dataset, push_policy
from tests.arena.training.hub import Hub, a_hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with a_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        yield hub


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    (folder / "deep").mkdir(parents=True)
    (folder / "README.md").write_text("---\nbase_model: nano\n---\n\n# policy\n")
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 8)
    (folder / "deep" / "template.txt").write_text("[user]\n{observation}\n")
    return folder


def test_a_policy_arrives_whole(hub: Hub, policy: Path) -> None:
    assert push_policy(policy, "us/nano-lake", private=True) == f"{hub.address}/us/nano-lake"
    held = hub.files["model us/nano-lake"]
    assert held == {
        path.relative_to(policy).as_posix(): path.read_bytes() for path in policy.rglob("*") if path.is_file()
    }
    assert hub.settings["model us/nano-lake"]["visibility"] == "private"
    assert ModelCard(held["README.md"].decode()).data.base_model == "nano"


def test_the_command_pushes_a_tournaments_decisions(hub: Hub, tmp_path: Path) -> None:
    run = tmp_path / "a run"
    run_tournament(Tournament.of("frozen-lake", "random", run, matches=2))
    done = CliRunner().invoke(cli.app, ["export", str(run), "--dataset", "--push", "us/rows"])
    assert done.exit_code == 0, done.output
    assert f"and at {hub.address}/datasets/us/rows" in done.stdout
    held = hub.files["dataset us/rows"]
    assert held["dataset.jsonl"] == (run / "dataset.jsonl").read_bytes()
    card = DatasetCard(held["README.md"].decode())
    assert card.data.configs == [{"config_name": "default", "data_files": "dataset.jsonl"}]
    assert "visibility" not in hub.settings["dataset us/rows"]


@pytest.mark.parametrize(
    ("status", "said"), [(403, "hf auth login"), (401, "hf auth login"), (422, "HTTP 422")]
)
def test_a_refusal_is_one_line(hub: Hub, policy: Path, status: int, said: str) -> None:
    hub.refuses = status
    with pytest.raises(UsageError, match=said) as caught:
        push_policy(policy, "us/nano-lake")
    assert "\n" not in str(caught.value)


def test_no_hub_is_one_line(policy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="the Hub was not reached"):
        push_dataset(policy / "README.md", "us/rows", run=tmp_path)
    with pytest.raises(UsageError, match="write OWNER/NAME"):
        push_policy(policy, "a/b/c")
