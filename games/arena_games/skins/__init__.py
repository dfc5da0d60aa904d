"""The same game under other names: what an agent reasons survives a skin, what it has memorised does not.

`skins:K:GAME` is GAME in one of K skins, which the episode's seed picks. A skin renames actions and symbols,
and turns and mirrors boards; the tree of the game, its rewards, the numbers behind the actions and the
numeric view stay what they are. So an agent that reads `grid` or `state` plays both alike.
"""

from arena_games.skins.spec import both, has_skins, skinned, split_name

__all__ = ["both", "has_skins", "skinned", "split_name"]
