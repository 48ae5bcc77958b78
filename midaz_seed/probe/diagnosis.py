"""What the doctor found: findings, each with its meaning for a run."""

from dataclasses import dataclass, field
from enum import StrEnum

ALTERED_ADVICE = (
    "a run cannot determine what was created: connect without the gateway or proxy, or configure it to leave "
    "bodies unchanged"
)


class Level(StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; a run may start."""
    STOP = "stop"
    """A run must not start."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about the target, and its meaning for a run."""

    name: str
    value: str
    meaning: str
    """What it means for a run, and what to do about it."""
    level: Level = Level.OK


@dataclass(slots=True)
class Diagnosis:
    """All findings about one target."""

    target: str
    """Its address."""
    flags: str
    """The flags that make `midaz-seed run` use this target."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def go(self) -> bool:
        """Whether a run may start: no finding has the level STOP."""
        return all(finding.level is not Level.STOP for finding in self.findings)

    def add(self, name: str, value: str, meaning: str, level: Level = Level.OK) -> None:
        """Append a finding."""
        self.findings.append(Finding(name, value, meaning, level))
