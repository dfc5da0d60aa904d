"""The command line: parse, call, catch."""
