"""The record of a run, one SQLite file: written as matches end, sealed, checked and verified."""
