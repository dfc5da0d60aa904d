"""One tournament a template: arms on the same seeds, the null's other draws, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.record.store import Store
from arena.tournament.options import TournamentOptions
from arena.tournament.templates import arms
from arena.views.templates import hold_templates
from arena_agents.registry import make_agent
from arena_games.base import Observation, UsageError
from arena_games.registry import find_game
from arena_leaderboard.model.several import holm

SHORT = "[user]\n{observation}\nAnswer with <action>NAME</action> and nothing else.\n"


@pytest.fixture(name="short")
def make_short(tmp_path: Path) -> Path:
    path = tmp_path / "short.txt"
    path.write_text(SHORT)
    return path


def played(out: Path, short: Path, agents: str = "random,n=nano", seed: int = 0) -> TournamentOptions:
    return TournamentOptions("frozen-lake", agents, out, seed=seed, matches=6, workers=1)


def test_templates_meet_the_same_seeds_and_only_the_null_draws_anew(
    tmp_path: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert hold_templates(played(out, short), f"default,{short}", as_json=True)
    shape = json.loads(capsys.readouterr().out)
    assert [(row["template"], row["null"]) for row in shape["compared"]] == [
        ("default", True),
        ("short", False),
    ]
    assert shape == json.loads((out / "templates.json").read_text())
    assert all(row["agents"] == ["n", "random"] and row["seeds"] == 6 for row in shape["compared"])
    assert all(0 < row["p"] <= 1 for row in shape["compared"])
    assert shape["compared"][0]["p_holm"] is None
    assert shape["compared"][1]["p_holm"] == shape["compared"][1]["p"]
    arms_of = {}
    for name in ("default", "again", "short"):
        with Store.read(out / name) as store:
            arms_of[name] = {(r.seed, r.players[0]): r.returns for r in store.results()}
            said = store.meta("config")["agents"]["n"]
        assert f"template={out / name}.txt" in said
        assert ("draws=1" in said) == (name == "again")
    assert arms_of["default"].keys() == arms_of["again"].keys() == arms_of["short"].keys()
    randoms = [{k: v for k, v in found.items() if k[1] == "random"} for found in arms_of.values()]
    assert randoms[0] == randoms[1] == randoms[2]
    assert (out / "again.txt").read_bytes() == (out / "default.txt").read_bytes()
    # Repeated, it plays nothing and says the same; another template under the same name is refused.
    assert hold_templates(played(out, short), f"default,{short}", as_json=True)
    assert json.loads(capsys.readouterr().out) == shape
    short.write_text(SHORT.replace("nothing", "naught"))
    with pytest.raises(UsageError, match="holds another template"):
        hold_templates(played(out, short), f"default,{short}")


def test_the_table_names_the_null(tmp_path: Path, short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert hold_templates(played(tmp_path / "out", short, "random,nano"), f"default,{short}")
    text = capsys.readouterr().out
    assert "again (null)" in text
    assert "Σ |Δ rank|" in text
    assert "nano[" not in text.split("p, Holm")[0].split("rank ")[-1]  # under their plain names


@pytest.mark.parametrize(
    ("templates", "says"),
    [
        ("default", "two files or more"),
        ("", "two files or more"),
        ("default,default", "called 'default'"),
        ("default,missing.txt", "missing.txt"),
    ],
)
def test_what_cannot_be_compared_is_named(tmp_path: Path, templates: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        arms(templates, tmp_path / "out")


def test_what_it_cannot_be_joined_with(tmp_path: Path, short: Path) -> None:
    templates = f"default,{short}"
    with pytest.raises(UsageError, match="neither brackets nor commas"):
        arms(templates, tmp_path / "a,b")
    with pytest.raises(UsageError, match="which plays 3 of them"):
        hold_templates(played(tmp_path / "out", short), templates, dry_run=True)
    with pytest.raises(UsageError, match="leave --until-separated"):
        hold_templates(TournamentOptions("snake", "nano", tmp_path, until_separated=True), templates)
    with pytest.raises(UsageError, match="--templates is for language models"):
        hold_templates(played(tmp_path / "out", short, "random,search"), templates)
    with pytest.raises(UsageError, match=r"train nano\+frozen-lake and name the run's folder"):
        hold_templates(played(tmp_path / "out", short, "nano+frozen-lake"), templates)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_adjusted_chances_are_holms(chances: list[float]) -> None:
    ordered = sorted(chances)
    expected = {
        chance: min(1.0, max((len(ordered) - i) * ordered[i] for i in range(place + 1)))
        for place, chance in enumerate(ordered)
    }
    for chance, found in zip(chances, holm(chances), strict=True):
        # Of equal chances the last place's maximum is all of theirs.
        assert found <= expected[chance] + 1e-12
        assert found >= min(1.0, chance)


def observations(count: int) -> list[Observation]:
    spec = find_game("frozen-lake")
    env, found = spec.make_env(), []
    for seed in range(count):
        env.reset(seed=seed)
        text = env.observe(env.agent_selection)["text"]
        found.append(Observation(spec.name, 0, 0, text, (0, 1, 2, 3), seed=seed, spec=spec))
    return found


def test_draws_are_other_draws_of_the_same_policy() -> None:
    asked = observations(24)
    plain, same, other = (
        [reply.sample.token_ids for reply in make_agent(spec).act(asked) if reply.sample]
        for spec in ("nano", "nano[draws=0]", "nano[draws=1]")
    )
    assert plain == same
    assert plain != other
    greedy = [make_agent(spec) for spec in ("nano[decode=choice]", "nano[decode=choice,draws=3]")]
    assert [agent.draws for agent in greedy] == [0, 3]  # type: ignore[attr-defined]


def test_a_template_in_a_spec_replaces_the_words(short: Path) -> None:
    agent = make_agent(f"nano[template={short}]")
    first = observations(1)[0]
    assert agent.prompt_ids(first) != make_agent("nano").prompt_ids(first)  # type: ignore[attr-defined]
    assert agent.template.text().endswith("nothing else.\n")  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="template is for language models"):
        make_agent(f"random[template={short}]")
    with pytest.raises(UsageError, match="draws is a number"):
        make_agent("nano[draws=often]")
