"""Deciding: pure functions from state and command to events, or a refusal."""
