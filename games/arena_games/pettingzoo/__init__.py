"""Environments of PettingZoo (Terry et al. 2021, arXiv 2009.14471): `pettingzoo:NAME_vN`, or one's own."""
