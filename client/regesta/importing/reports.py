"""What an import did, and what it could not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from regesta.importing.steps import Finding, Outcome, Step


@dataclass(slots=True)
class Report:
    """The outcome of a run.

    Attributes:
        source: What was read.
        dry_run: Whether nothing was written.
        counts: What was done, or would be, in words and how often.
        findings: What is not here as it is in the source.
        facts: What else is to be told, for example the size of the source.
    """

    source: str
    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether all that the source has is here, but for what people changed here."""
        return not any(finding.outcome.is_loss for finding in self.findings)

    def did(self, step: Step) -> None:
        """Count a step; those without a word belong to another."""
        if step.what:
            self.counts[step.what] += 1

    def found(self, outcome: Outcome, resource: str, what: str, why: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(outcome, resource, what, why))

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "source": self.source,
            "dry_run": self.dry_run,
            **self.facts,
            "done": dict(sorted(self.counts.items())),
            "complete": self.is_complete,
            "findings": [
                {
                    "outcome": str(finding.outcome),
                    "resource": finding.resource,
                    "what": finding.what,
                    "why": finding.why,
                }
                for finding in self.findings
            ],
        }
