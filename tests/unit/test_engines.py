"""Which engine carries calls, and what is said when it is not there."""

from __future__ import annotations

import sys

import pytest

from regesta_service import app, config, engines
from regesta_service.engines import EngineMissing


@pytest.fixture
def _without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygrpc_native", None)


@pytest.mark.usefixtures("_without_the_extra")
def test_an_engine_that_is_not_installed_is_refused_with_the_way_to_install_it():
    with pytest.raises(EngineMissing, match=r"regesta\[server,native\]"):
        engines.require("native")


@pytest.mark.usefixtures("_without_the_extra")
def test_a_server_without_its_engine_does_not_start():
    settings = config.load({"engine": "native", "insecure_dev": True})

    with pytest.raises(app.CannotStart, match="not installed"):
        app.run(settings)


@pytest.mark.usefixtures("_without_the_extra")
def test_the_default_engine_needs_no_extra():
    engines.require(config.load({}).engine)
