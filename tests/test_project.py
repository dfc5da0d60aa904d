"""What the project says of itself in several files is the same in all of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_cited_and_told_of() -> None:
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert f"## [{PROJECT['version']}]" in text_of("CHANGELOG.md")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", str(WORKFLOW), str(HOOKS)])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", text_of("Makefile"), re.MULTILINE))
    named = re.findall(r"(?:^ {4}|`|run: |entry: )make ([a-z0-9-]+)", text_of(name), re.MULTILINE)
    assert named
    assert set(named) <= targets


def test_the_workflow_tests_the_pythons_that_are_promised() -> None:
    matrix = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["test"]["strategy"]["matrix"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert matrix["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_every_dependency_is_pinned_within_its_range() -> None:
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", text_of("constraints.txt"), re.MULTILINE))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *extras["api"], *extras["dev"], *extras["docs"], *extras["bench"]]
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_every_test_that_robustness_names_exists() -> None:
    last, named = "", 0
    for file, test in re.findall(r"`([\w/]+\.py|…)(?:::(test_\w+))?`", text_of("docs/science/robustness.md")):
        last = last if file == "…" else file
        assert f"def {test or 'test_'}" in text_of(f"tests/{last}"), (last, test)
        named += 1
    assert named > 60


def test_the_map_shows_folders_that_exist() -> None:
    named = re.findall(r"^\| `([^`]+/)` \|", text_of("CONTRIBUTING.md"), re.MULTILINE)
    assert len(named) > 8
    assert all((ROOT / folder).is_dir() for folder in named)
    rooms = {f"arena/{path.parent.name}/" for path in (ROOT / "arena").glob("*/__init__.py")}
    assert rooms <= set(named)
