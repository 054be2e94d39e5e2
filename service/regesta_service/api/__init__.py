"""The API: translate a request, call, answer."""

from __future__ import annotations
