"""The doctor: what it finds is what is there, in a moment, whatever is missing."""

import json
import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pynvml
import pytest
from typer.testing import CliRunner

from arena.cli.app import app
from arena.machine import hardware
from arena.machine.hardware import Gpu, free_ram, gpus, total_ram
from arena.views import doctor
from arena.views.doctor import examine
from arena_agents.engines.choose import choose_engine

MIB, GIB = 2**20, 2**30


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(doctor, "hub_answers", lambda _: False)


H200 = Gpu("NVIDIA H200", 143_771 * MIB, 143_000 * MIB)
T4 = Gpu("Tesla T4", 16_384 * MIB, 1024 * MIB)


@pytest.fixture
def nvidia(monkeypatch):
    """A driver that reports the GPUs that the test names, with the UUIDs GPU-0…, GPU-1…"""

    def answer(*found):
        at = {place: SimpleNamespace(gpu=gpu, uuid=f"GPU-{place}abc") for place, gpu in enumerate(found)}
        for name, call in {
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: None,
            "nvmlDeviceGetCount": lambda: len(found),
            "nvmlDeviceGetHandleByIndex": at.__getitem__,
            "nvmlDeviceGetUUID": lambda handle: handle.uuid,
            "nvmlDeviceGetName": lambda handle: handle.gpu.name,
            "nvmlDeviceGetMemoryInfo": lambda handle: handle.gpu,
        }.items():
            monkeypatch.setattr(f"pynvml.{name}", call)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return answer


def of(topic, findings=None):
    return {finding.name: finding for finding in findings or examine() if finding.topic == topic}


def test_versions_are_those_that_are_installed(offline):
    found = of("packages")
    assert found["torch"].value == version("torch")
    assert found["peft"].ok


def test_what_is_not_installed_comes_with_the_line_that_installs_it(offline, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "vllm" else "1")
    found = of("packages")["vllm"]
    assert (found.value, found.advice) == ("not installed", "pip install 'tmsg-arena[vllm]'")


def test_gpus_are_those_that_the_driver_reports(nvidia, monkeypatch):
    nvidia(H200, T4)
    assert gpus() == [H200, T4]

    def broken():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    monkeypatch.setattr("pynvml.nvmlDeviceGetCount", broken)
    assert gpus() == []


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        ("1,0", [T4, H200]),
        (" 1 ", [T4]),
        ("GPU-1a", [T4]),
        ("", []),
        ("-1", []),
        ("0,7,1", [H200]),  # CUDA stops at the one that is not there
    ],
)
def test_gpus_are_those_that_cuda_may_see(nvidia, monkeypatch, visible, found):
    nvidia(H200, T4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == found


def test_a_gpu_that_torch_cannot_use_is_ill(offline, nvidia, monkeypatch):
    nvidia(H200)
    monkeypatch.setattr(doctor, "_version", lambda name: "2.13.0+cpu" if name == "torch" else "1")
    found = examine()
    assert not of("devices", found)["cuda:0"].ok
    assert "pip install" in of("devices", found)["cuda:0"].advice
    assert "transformers" in of("engine", found)


@pytest.mark.parametrize(("installed", "engine"), [(True, "vllm"), (False, "transformers")])
def test_with_a_gpu_vllm_draws_replies_where_it_is_installed(offline, nvidia, monkeypatch, installed, engine):
    nvidia(H200)
    monkeypatch.setattr(
        doctor, "_version", lambda name: None if name == "vllm" and not installed else "2.13.0"
    )
    monkeypatch.setattr(doctor, "free_ram", lambda: 64 * GIB)
    found = examine()
    assert engine in of("engine", found)
    assert of("training", found)["3 B with LoRA"].ok


def test_several_gpus_are_used_by_a_launcher(offline, nvidia, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: "2.13.0")
    nvidia(H200, H200)
    assert "--num_processes 2 -m arena train" in of("training")["on 2 GPUs"].advice
    nvidia(H200)
    assert list(of("training")) == ["3 B with LoRA"]


def test_the_engine_is_the_one_that_would_be_chosen(offline):
    assert choose_engine("auto") in of("engine")


def test_a_small_gpu_is_told_what_to_change(offline, nvidia, monkeypatch):
    nvidia(Gpu("RTX 3060", 12_288 * MIB, 11_500 * MIB))
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "vllm" else "2.13.0")
    found = of("training")["3 B with LoRA"]
    assert not found.ok
    assert "--set micro_tokens=" in found.advice


def test_models_in_the_cache_are_named_as_agents(offline, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    put(tmp_path, "Qwen--Qwen2.5-3B-Instruct", "Qwen2ForCausalLM", 3 * MIB)
    put(tmp_path, "someone--chat", "LlamaForCausalLM", MIB)
    put(tmp_path, "someone--bert", "BertForMaskedLM", MIB)
    put(tmp_path, "someone--cut-short", "LlamaForCausalLM", None)
    assert list(of("models")) == ["nano", "qwen3b", "hf:someone/chat"]


def put(cache, name, architecture, size):
    folder = cache / f"models--{name}" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    if size:
        (folder / "model.safetensors").write_bytes(bytes(size))


def test_an_empty_cache_says_how_to_fill_it(offline, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    assert of("models")["cache"].advice == "hf download Qwen/Qwen2.5-3B-Instruct"


def test_a_hub_that_does_not_answer_is_not_waited_for(monkeypatch):
    import time

    monkeypatch.setattr(doctor, "HUB_PATIENCE_S", 0.05)
    monkeypatch.setattr(doctor, "hub_answers", lambda _: time.sleep(600))
    began = time.monotonic()
    assert of("hub")["model hub"].value == "does not answer"
    assert time.monotonic() - began < 300


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from arena.views.doctor import examine; examine(); "
        "assert not {'torch', 'transformers', 'peft', 'vllm', 'openai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"HF_HUB_OFFLINE": "1", "PATH": ""})


def test_json_is_the_same_in_full(offline):
    shown = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert {"topic", "name", "value", "ok", "advice"} == set(shown[0])
    assert {row["topic"] for row in shown} == {"packages", "devices", "models", "engine", "training", "hub"}


def test_the_table_shows_every_finding(offline):
    shown = CliRunner().invoke(app, ["doctor"]).stdout
    assert all(finding.name in shown for finding in examine())


def test_a_containers_limit_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    whole = total_ram()
    for name, text in (
        ("memory.max", f"{GIB}"),
        ("memory.current", f"{GIB // 2}"),
        ("memory.stat", f"anon 5\ninactive_file {GIB // 4}\nactive_file 0\n"),
    ):
        (tmp_path / name).write_text(text + "\n")
    assert total_ram() == GIB
    assert free_ram() == 3 * GIB // 4
    (tmp_path / "memory.max").write_text("max\n")
    assert total_ram() == whole


def test_the_peak_of_memory_is_this_process_own():
    """A small process that a large one started is small."""
    held = bytearray(300 * MIB)
    held[::4096] = b"x" * len(held[::4096])
    code = "from arena.machine.hardware import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert MIB < int(done.stdout) < 200 * MIB < hardware.peak_memory()
