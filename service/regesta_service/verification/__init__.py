"""Checks of whole logs, run beside the service: they take seconds to minutes."""
