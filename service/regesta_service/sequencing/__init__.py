"""Sequencing: commands of a namespace, one after the other, many in one commit."""
