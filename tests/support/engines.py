"""The engines that calls are tested on: the default, and the other where it is installed."""

from __future__ import annotations

import importlib.util

import pytest

#: Parameters for tests of what must hold on every engine.
ENGINES = [
    "grpcio",
    pytest.param(
        "native",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("pygrpc_native") is None, reason="regesta[native] is missing"
        ),
    ),
]
