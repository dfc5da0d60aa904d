"""Games of OpenSpiel as games of the arena, with the library itself."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.record.store import Store
from arena.record.verify import verify
from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.registry import make_agent
from arena_games.base import ActionKind, Invalid, Observation, UsageError, action_reply
from arena_games.conformance import check_game
from arena_games.registry import find_game, select_games
from arena_games.turns import TurnsEnv

pyspiel = pytest.importorskip("pyspiel")

CURATED = (
    *("tic_tac_toe", "connect_four", "chess(cut=20)", "kuhn_poker", "leduc_poker", "liars_dice", "pig"),
    *(
        "breakthrough(rows=5,columns=4)",
        "hex(board_size=4)",
        "othello",
        "go(board_size=4)",
        "backgammon(cut=20)",
    ),
)
OTHERS = (
    *("goofspiel(num_cards=4)", "matrix_pd", "matching_pennies_3p", "blackjack", "2048(cut=20)"),
    *("negotiation", "kuhn_poker(players=3)", "phantom_ttt", "oshi_zumo(coins=5)", "cliff_walking"),
)


@pytest.mark.parametrize("name", [*CURATED, *OTHERS])
def test_it_passes_every_check(name: str) -> None:
    checks = check_game(find_game(f"openspiel:{name}"), episodes=4)
    assert [f"{check.name}: {check.detail}" for check in checks if not check.passed] == []


def seen(name: str, seed: int = 0, moves: int = 0) -> Observation:
    """What the seat to move is shown after so many random moves."""
    shown: list[Observation] = []

    class Watching(Agent):
        def choose(self, observation: Observation) -> str:
            shown.append(observation)
            return action_reply(observation.legal_names[observation.seed % len(observation.legal)])

    spec = find_game(name)
    list(play([Match(spec, seed, ("a",) * spec.seats)], {"a": Watching()}))
    return shown[min(moves, len(shown) - 1)]


@pytest.mark.parametrize("name", CURATED)
def test_what_we_have_words_for_says_its_rules_and_draws_its_board(name: str) -> None:
    spec = find_game(f"openspiel:{name}")
    assert 4 <= len(spec.rules) <= 15
    observation = seen(spec.name, moves=3)
    assert spec.board is not None
    board = spec.board(observation)
    assert board is not None
    assert len({len(row) for row in board.rows}) == 1
    assert all(cell.symbol.isascii() and 1 <= len(cell.symbol) <= 2 for row in board.rows for cell in row)


def test_a_position_names_its_actions_and_the_number_behind_each() -> None:
    observation = seen("openspiel:chess")
    state = pyspiel.load_game("chess").new_initial_state()
    assert observation.legal == tuple(state.legal_actions())
    assert [state.string_to_action(name) for name in observation.names] == list(observation.legal)
    assert "Nf3" in observation.legal_names
    assert find_game("openspiel:chess").parse("<action>Nf3</action>", observation) == state.string_to_action(
        "Nf3"
    )


def test_the_board_that_is_drawn_is_the_one_that_is_played() -> None:
    """Through a whole game of chess: the diagram in the text against OpenSpiel's own FEN."""
    for moves in (0, 7, 30):
        observation = seen("openspiel:chess", seed=5, moves=moves)
        state = pyspiel.load_game("chess").new_initial_state()
        for action in observation.state:
            state.apply_action(action)
        fen = str(state)
        rows = [re.sub(r"\d", lambda run: "." * int(run[0]), rank) for rank in fen.split()[0].split("/")]
        board = find_game("openspiel:chess").board(observation)
        assert [[cell.symbol for cell in row[1:]] for row in board.rows[:-1]] == [list(row) for row in rows]
        assert sum(cell.strong for row in board.rows for cell in row) == (moves > 0)


HIDING = (
    "kuhn_poker",
    "leduc_poker",
    "liars_dice",
    "phantom_ttt",
    "dark_hex(board_size=3)",
    "goofspiel(imp_info=True)",
)


@pytest.mark.parametrize("name", HIDING)
def test_what_is_hidden_is_not_shown(name: str) -> None:
    """Wherever a seat cannot tell two states apart in OpenSpiel, it is shown the same text and planes."""
    spec = find_game(f"openspiel:{name}")
    assert not spec.open_state
    shown: dict[tuple[int, str], str] = {}
    env = spec.make_env()
    rng = np.random.default_rng(0)
    for seed in range(150):
        env.reset(seed=seed)
        while not env.terminations[env.agent_selection]:
            seat = env.possible_agents.index(env.agent_selection)
            view = env.observe(env.agent_selection)
            key = (seat, env._state.information_state_string(seat))
            grid = "" if "grid" not in view else view["grid"].tobytes().hex()
            assert shown.setdefault(key, view["text"] + grid) == view["text"] + grid
            env.step(int(rng.choice(np.flatnonzero(view["action_mask"]))))
            assert seen_state(spec) == ()


def seen_state(spec) -> tuple[int, ...]:
    return seen(spec.name).state if spec.name == "openspiel:kuhn_poker" else ()


def test_chance_is_the_episodes_own() -> None:
    """Cards are dealt as often as OpenSpiel says, and the same ones from the same seed."""
    env = find_game("openspiel:kuhn_poker").make_env()
    dealt = []
    for seed in range(1500):
        env.reset(seed=seed)
        dealt.append(tuple(env._state.history()))
    assert len(set(dealt)) == 6
    assert all(abs(dealt.count(cards) - 250) < 75 for cards in set(dealt))
    env.reset(seed=7)
    assert tuple(env._state.history()) == dealt[7]


def test_what_was_played_is_stored_by_name_and_replayed(tmp_path) -> None:
    spec = find_game("openspiel:chess(cut=10)")
    agents = {"r": make_agent("random"), "m": make_agent("mcts:5")}
    episodes = list(play([Match(spec, seed, ("r", "m")) for seed in range(2)], agents))
    with Store.open(tmp_path, {"seed": 0}, {"python": "3"}) as store:
        store.add(episodes, spec.open_seats)
        stored = list(store.episodes())
    played = {episode.id: [step.name for step in episode.steps] for episode in episodes}
    assert {episode.id: [step.name for step in episode.steps] for episode in stored} == played
    assert all(name for names in played.values() for name in names)
    assert verify(tmp_path, processes=1).faults == []


def test_a_cut_episode_is_truncated_and_nobody_wins() -> None:
    spec = find_game("openspiel:chess(cut=2)")
    (episode,) = play([Match(spec, 0, ("r", "r"))], {"r": make_agent("random")})
    assert (episode.end, episode.placements, episode.successes) == ("truncated", (1, 1), (False, False))
    assert len(episode.steps) == 4 or len(episode.steps) == 3


def test_illegal_and_unreadable_replies_are_told_apart() -> None:
    class Says(Agent):
        def choose(self, observation: Observation) -> str:
            return ("<action>x(9,9)</action>", "what?", "<action>(0,0)</action>")[observation.turn % 3]

    spec = find_game("openspiel:tic_tac_toe")
    (episode,) = play([Match(spec, 0, ("a", "r"))], {"a": Says(), "r": make_agent("random")}, MatchConfig())
    faults = [step.fault for step in episode.steps_of(0)]
    assert faults[:2] == ["illegal", "unreadable"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("openspiel:tic_tac_to", "did you mean 'tic_tac_toe'"),
        ("openspiel:go(bord_size=9)", "board_size, handicap, komi"),
        ("openspiel:go(board_size)", "key=value"),
        ("openspiel:go(board_size=9", "closing bracket"),
        ("openspiel:connect_four(rows=x)", "rows is a number, not 'x'; 6 if left out"),
        (
            "openspiel:go(board_size=99)",
            "supports board size up to 19. Provided: 99; its settings: board_size",
        ),
        ("openspiel:go(board_size=-1)", "cannot be played: ValueError"),
        ("openspiel:hex(board_size=1000)", "has 1,000,000 actions; 200,000 can be played at most"),
        ("openspiel:hex(board_size=100000)", "200,000 can be played at most"),
        (
            "openspiel:kuhn_poker(players=11)",
            ": num_players_ <= kGameType.max_num_players, num_players_ = 11",
        ),
        ("openspiel:nfg_game(filename=/nowhere)", "its settings: filename"),
        ("openspiel:misere", "Missing parameter game; its settings: game"),
        ("openspiel:Chess", "did you mean 'chess'"),
        ("openspiel:mfg_garnet", "mean-field"),
        ("openspiel:crazy_eights(players=12)", "10 can play"),
        ("openspiel:chess(cut=no)", "number of turns"),
        ("openspiel:", "no game"),
    ],
)
def test_what_cannot_be_played_says_so_in_one_line(
    name: str, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=re.escape(line)) as caught:
        find_game(name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # OpenSpiel's C++ writes what it throws


def test_commas_in_brackets_do_not_part_games() -> None:
    names = "openspiel:go(board_size=5,komi=0.5), snake"
    assert [spec.name for spec in select_games(names)] == ["openspiel:go(board_size=5,komi=0.5)", "snake"]


def test_who_cannot_play_says_why() -> None:
    kuhn, chess = find_game("openspiel:kuhn_poker"), find_game("openspiel:chess")
    assert obstacle(make_agent("random"), kuhn) is None
    assert "nothing is hidden" in obstacle(make_agent("mcts"), kuhn)
    assert obstacle(make_agent("mcts:7"), chess) is None
    assert "does not know the rules" in obstacle(make_agent("search"), chess)
    with pytest.raises(UsageError, match="number of simulations"):
        make_agent("mcts:many")


def test_mcts_finds_the_win_and_repeats_itself() -> None:
    spec = find_game("openspiel:tic_tac_toe")
    matches = [Match(spec, seed, ("m", "r") if seed % 2 else ("r", "m")) for seed in range(20)]
    agents = {"m": make_agent("mcts:200"), "r": make_agent("random")}
    once, again = (list(play(matches, agents)) for _ in range(2))
    moves = [[step.name for step in episode.steps] for episode in once]
    assert moves == [[step.name for step in episode.steps] for episode in again]
    returns = [episode.returns[episode.players.index("m")] for episode in once]
    assert min(returns) >= 0
    assert sum(returns) >= 15


SLOW = {"bridge", "bridge_uncontested_bidding", "dou_dizhu", "universal_poker", "tarok", "stones_and_gems"}


def test_case_is_ignored_only_where_no_two_actions_differ_by_it() -> None:
    """Names of random episodes of every other game; folded, each is still one action's."""
    from arena_games.openspiel.words import CASE_MATTERS

    kinds = [kind.short_name for kind in pyspiel.registered_games() if kind.default_loadable]
    for short in sorted(set(kinds) - {"chess", *CASE_MATTERS} - SLOW):
        try:
            spec = find_game(f"openspiel:{short}")
        except UsageError:
            continue
        names = set()
        env, rng = spec.make_env(), np.random.default_rng(1)
        env.reset(seed=1)
        for _ in range(60):
            if (
                not env.agents
                or env.terminations[env.agent_selection]
                or env.truncations[env.agent_selection]
            ):
                break
            view = env.observe(env.agent_selection)
            names |= set(view["action_names"])
            env.step(int(rng.choice(np.flatnonzero(view["action_mask"]))))
        assert len({name.lower() for name in names}) == len(names), short


def test_nothing_of_openspiel_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, arena, arena.cli.app, arena_games.registry, arena_agents.registry; "
    code += "print([m for m in sys.modules if m.split('.')[0] in ('pyspiel', 'open_spiel', 'textarena')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_game_of_positions_has_no_list_of_actions() -> None:
    spec = find_game("openspiel:connect_four")
    assert (spec.kind, spec.actions, spec.action_count) == (ActionKind.POSITION, {}, 7)
    observation = seen("openspiel:connect_four")
    assert spec.parse("<action>3</action>", observation) == 3
    assert isinstance(spec.parse("<action>7</action>", observation), Invalid)


@pytest.mark.parametrize("name", ["kuhn_poker(players=3)", "goofspiel(num_cards=4)", "tic_tac_toe"])
def test_seats_leave_as_pettingzoo_dismisses_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our short way through the steps of seats that are out, against PettingZoo's own."""

    def told() -> list[object]:
        env, rng, seen = find_game(f"openspiel:{name}").make_env(), np.random.default_rng(3), []
        for seed in range(5):
            env.reset(seed=seed)
            for agent in env.agent_iter():
                view, reward, terminated, truncated, info = env.last()
                legal = np.flatnonzero(view["action_mask"])
                env.step(None if terminated or truncated else int(rng.choice(legal)))
                seen.append(
                    (agent, view["text"], reward, terminated, info, env.agents[:], env.rewards.copy())
                )
        return seen

    ours = told()
    monkeypatch.delattr(TurnsEnv, "_was_dead_step")
    assert told() == ours
