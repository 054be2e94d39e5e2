"""Commitments to the heads of all streams: the lines, the tree over them, and its proofs.

The lines are read from the projected rows, which is what people read: a row that somebody has
edited then disagrees with the log for ever. docs/audit/heads.md is the description for others.
"""
