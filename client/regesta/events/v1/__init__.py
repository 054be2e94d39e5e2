"""Messages of the facts, generated from proto/regesta/events/v1."""

from __future__ import annotations
