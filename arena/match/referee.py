"""One match in progress: an environment, its seats, and the record that grows into an `Episode`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from arena.match.aside import prints_aside
from arena.match.episode import Attempt, EndReason, Episode, Step, is_verdict, verdict
from arena.match.match import Match, MatchConfig
from arena.match.seeds import decision_seed
from arena_agents import Observation, Reply
from arena_agents.limits import LARGEST_REWARD, LONGEST_OBSERVATION
from arena_games.base import Action, ActionKind, GameSpec, Invalid, Rejected

Outcome = tuple[tuple[int, ...], tuple[bool, ...]]  # placements and successes, by seat
FEW = 32  # actions, up to which a list is faster than an array


class EnvPool:
    """Environments that are free to be reset, by what made them: two games may have one name."""

    def __init__(self) -> None:
        self._free: dict[int, tuple[Callable[[], Any], list[Any]]] = {}  # the maker is held, so is its id

    def take(self, spec: GameSpec) -> Any:
        """A free environment of the game, or a new one. Raises what the game's `make_env` raises."""
        free = self._free_of(spec)
        return free.pop() if free else spec.make_env()

    def put(self, spec: GameSpec, env: Any) -> None:
        """Give back an environment that may be reset."""
        self._free_of(spec).append(env)

    def _free_of(self, spec: GameSpec) -> list[Any]:
        return self._free.setdefault(id(spec.make_env), (spec.make_env, []))[1]


class Referee:
    """Plays one match by being told replies; `observation` is None once it has ended."""

    def __init__(self, match: Match, env: Any, config: MatchConfig) -> None:
        self.match, self.env, self.config = match, env, config
        self.observation: Observation | None = None
        seats, self._action_names = match.spec.seats, match.spec.action_names
        self._positional = match.spec.kind == ActionKind.POSITION
        self._turns, self._invalid = [0] * seats, [0] * seats
        self._returns = [0.0] * seats
        self._decisions: list[Step] = []  # their rewards are in `_rewards`
        self._attempts: list[Attempt] = []  # at the pending decision
        self._asked: Observation | None = None  # the pending decision as it was first asked
        self._rewards: list[float] = []
        self._advances = [0.0] * seats  # paid before the seat's first decision
        self._last_decision: dict[int, int] = {}
        self._outcome: Outcome | None = None
        self._end = EndReason.FINISHED
        self._detail: str | None = None
        self._culprit: str | None = None
        self._failure: Reply | None = None
        self._guarded(self._start)

    @property
    def player(self) -> str:
        """The agent that is waited for."""
        assert self.observation is not None
        return self.match.players[self.observation.seat]

    @property
    def returns(self) -> tuple[float, ...]:
        """What each seat has been paid so far."""
        return tuple(self._returns)

    def commit(self, reply: Reply, seconds: float) -> None:
        """Play the reply to the pending observation and move on to the next one."""
        if reply.error is not None:
            self._fail(reply, reply.error)
        else:
            self._guarded(lambda: self._play(reply, seconds))

    def episode(self) -> Episode:
        """The finished record."""
        match = self.match
        placements, successes = self._outcome or self._outcome_by_returns()
        rewarded = zip(self._decisions, self._rewards, strict=True)
        steps = (replace(decision, reward=reward) for decision, reward in rewarded)
        return Episode(
            id=match.id,
            game=match.spec.name,
            version=match.spec.version,
            seed=match.seed,
            players=match.players,
            steps=tuple(steps),
            returns=tuple(self._returns),
            placements=placements,
            successes=successes,
            end=self._end,
            detail=self._detail,
            culprit=self._culprit,
            failure=self._failure,
            abandoned=tuple(self._attempts) if self._failure else (),
        )

    def _start(self) -> None:
        self.env.reset(seed=self.match.seed)
        self._advance()
        if self.observation is None:
            raise ValueError("the game was over before anybody could move")

    def _guarded(self, move: Callable[[], None]) -> None:
        try:
            with prints_aside:
                move()
        except (Exception, SystemExit) as error:  # somebody else's game may raise anything
            self._stop(EndReason.GAME_ERROR, f"{type(error).__name__}: {error}"[:300], None)

    def _fail(self, reply: Reply, error: str) -> None:
        """An agent under test that fails forfeits, from its first decision on: it has seen its position then.

        Not rated are failures outside the agent, as long as the match may be played again, and the house's.
        """
        assert self.observation is not None
        outside = reply.passing and not self.match.last_try
        self._failure = replace(reply, passing=outside)
        if outside or self.observation.seat not in self.match.spec.open_seats:
            self._stop(EndReason.AGENT_ERROR, error, self.player)
        else:
            self._forfeit(self.observation.seat, f"error: {error}" if is_verdict(error) else error)

    def _stop(self, end: EndReason, detail: str, culprit: str | None) -> None:
        self._end, self._detail, self._culprit = end, detail, culprit
        self.observation = None

    def _play(self, reply: Reply, seconds: float) -> None:
        observation = self._asked
        assert observation is not None
        seat, parsed = observation.seat, self.match.spec.parse(reply.text, observation)
        if isinstance(parsed, Invalid) and len(self._attempts) < self.config.rethink:
            self._ask_again(observation, Attempt(reply, parsed.reason, parsed.illegal, seconds))
            return
        attempts, self._attempts = tuple(self._attempts), []
        seconds += sum(attempt.seconds for attempt in attempts)
        invalid = parsed if isinstance(parsed, Invalid) else None
        action = self._random_action(observation) if isinstance(parsed, Invalid) else parsed
        name = observation.name_of(action) if self._positional else None
        reason, illegal = (invalid.reason, invalid.illegal) if invalid else (None, False)
        self._last_decision[seat] = len(self._decisions)
        self._decisions.append(
            Step(seat, observation, reply, action, reason, 0.0, seconds, attempts, name, illegal)
        )
        self._rewards.append(self._advances[seat])
        self._advances[seat] = 0.0
        if invalid and self._forfeits(seat):
            return
        self.env.step(action)
        refused = self._refused(seat) if invalid is None else None
        if refused is not None:
            self._decisions[-1] = replace(self._decisions[-1], invalid=refused, illegal=True)
            if self._forfeits(seat):
                return
        self._advance()

    def _forfeits(self, seat: int) -> bool:
        """Charge the seat for an invalid reply; whether it was the one that ends the match."""
        self._invalid[seat] += 1
        self._pay(seat, -self.config.format_penalty)
        if self._invalid[seat] == self.config.max_invalid:
            self._forfeit(seat, verdict(self._invalid[seat]))
            return True
        return False

    def _refused(self, seat: int) -> str | None:
        """Why the game itself calls the move of free text that it has just been told invalid, if it does."""
        if self.match.spec.kind != ActionKind.TEXT:
            return None
        reason = self.env.infos.get(self.env.possible_agents[seat], {}).get("invalid")
        return None if reason is None else str(reason)

    def _ask_again(self, asked: Observation, attempt: Attempt) -> None:
        """The same decision, with what was wrong with the replies so far, and fresh randomness."""
        self._attempts.append(attempt)
        rejected = tuple(Rejected(a.reply.text, a.invalid, a.illegal) for a in self._attempts)
        seed = decision_seed(asked.seed, 2, len(rejected))
        self.observation = replace(asked, rejected=rejected, seed=seed)

    def _random_action(self, observation: Observation) -> Action:
        if self.match.spec.kind == ActionKind.TEXT:
            return ""  # of all that could be said, nothing
        rng = np.random.default_rng(decision_seed(observation.seed, 1))
        return int(rng.choice(observation.legal))

    def _forfeit(self, seat: int, why: str) -> None:
        """The match is over: this seat is last, all others share the first place."""
        others = self.match.spec.seats - 1
        self._outcome = (
            tuple(1 + others if other == seat else 1 for other in range(self.match.spec.seats)),
            tuple(self.match.spec.versus and other != seat for other in range(self.match.spec.seats)),
        )
        self._stop(EndReason.FORFEIT, why, self.match.players[seat])

    def _advance(self) -> None:
        """Run through the steps of finished seats to the next seat that has to decide."""
        while self.env.agents:
            agent = self.env.agent_selection
            decides = not (self.env.terminations[agent] or self.env.truncations[agent])
            view, reward, _, truncated, info = self.env.last(observe=decides)
            seat = self.env.possible_agents.index(agent)
            self._pay(seat, float(reward))
            if "placements" in info:
                self._outcome = self._reported(info)
            if decides:
                self.observation = self._asked = self._observe(seat, view)
                return
            if truncated:
                self._end = EndReason.TRUNCATED
            self.env.step(None)
        self.observation = None

    def _pay(self, seat: int, reward: float) -> None:
        """AEC pays a seat at its next turn: the reward belongs to its previous decision, or its first."""
        if not abs(reward) <= LARGEST_REWARD:  # NaN is not, either
            raise ValueError(f"the game paid seat {seat} {reward}, not a number up to {LARGEST_REWARD:,}")
        self._returns[seat] += reward
        if seat in self._last_decision:
            self._rewards[self._last_decision[seat]] += reward
        else:
            self._advances[seat] += reward

    def _observe(self, seat: int, view: Any) -> Observation:
        turn = self._turns[seat]
        if turn >= self.match.spec.horizon:
            raise RuntimeError(f"the game went past its horizon of {self.match.spec.horizon} turns")
        self._turns[seat] += 1
        if len(view["text"]) > LONGEST_OBSERVATION:
            raise ValueError(
                f"an observation of {len(view['text']):,} characters, more than {LONGEST_OBSERVATION:,}"
            )
        return Observation(
            game=self.match.spec.name,
            seat=seat,
            turn=turn,
            text=view["text"],
            legal=self._legal(view.get("action_mask")),
            grid=view.get("grid"),
            history=tuple(view.get("history", ())),
            seed=decision_seed(self.match.seed, self.match.repeat, seat, turn),
            action_names=self._action_names,
            spec=self.match.spec,
            names=tuple(view.get("action_names", ())),
            recent=self._recent(seat),
            state=self.env.state() if self.match.spec.open_state else (),
        )

    def _recent(self, seat: int) -> tuple[tuple[str, str], ...]:
        """The seat's last turns as the spec has them remembered: what was shown, and what was replied."""
        if not self.match.spec.memory:
            return ()
        own = [(step.observation.text, step.reply.text) for step in self._decisions if step.seat == seat]
        return tuple(own[-self.match.spec.memory :])

    def _legal(self, mask: Any) -> tuple[int, ...]:
        if mask is None:
            return tuple(range(len(self._action_names)))
        if len(mask) > FEW:
            return tuple(np.flatnonzero(mask).tolist())
        return tuple([action for action, legal in enumerate(np.asarray(mask).tolist()) if legal])

    def _reported(self, info: Mapping[str, Any]) -> Outcome:
        placements = tuple(int(place) for place in info["placements"])
        successes = tuple(bool(success) for success in info["successes"])
        seats = self.match.spec.seats
        if len(placements) != seats or len(successes) != seats or min(placements) < 1:
            raise ValueError(f"the game reported placements {placements} and successes {successes}")
        return placements, successes

    def _outcome_by_returns(self) -> Outcome:
        """For games that report no outcome: places by return; alone, success is a positive one."""
        places = tuple(1 + sum(other > own for other in self._returns) for own in self._returns)
        if self.match.spec.versus:
            return places, tuple(place == 1 for place in places)
        return places, tuple(own > 0 for own in self._returns)
