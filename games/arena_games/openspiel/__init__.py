"""The games of OpenSpiel (Lanctot et al. 2019, arXiv 1908.09453): `openspiel:NAME(param=value,…)`.

Nothing here is imported before such a game is asked for; it needs the extra `openspiel`.
"""
