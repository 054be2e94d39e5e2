from __future__ import annotations

from tests.support.log_fixtures import churn, log, reads

__all__ = ["churn", "log", "reads"]
