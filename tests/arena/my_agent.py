"""The ten-line example of the README: an agent of one's own."""

from arena_agents import Agent, Observation


class Mine(Agent):
    """Plays any legal action, with equal chances, in every game."""

    def choose(self, observation: Observation) -> str:
        from arena_games.registry import find_game

        names = find_game(observation.game).action_names
        return f"<action>{names[observation.rng().choice(observation.legal)]}</action>"
