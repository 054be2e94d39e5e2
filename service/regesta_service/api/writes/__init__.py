"""Writes: a request becomes a command, and what came of it an answer.

`translate_*` are pure: from a request, the time and a source of salts to a command.
"""
