"""Messages and service stubs of the API, generated from proto/regesta/v1."""

from __future__ import annotations
