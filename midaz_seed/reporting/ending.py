"""The document of a command that ended without a report: with `--json` or `--report` it takes the report's place."""

from dataclasses import asdict, dataclass
from typing import Any

ENDING_VERSION = 1


@dataclass(frozen=True, slots=True)
class EndingError:
    """The error that ended a command."""

    kind: str
    """Its class, such as `UnreachableError`."""
    message: str
    where: str
    """The place, such as a file and line; "" without one."""
    hint: str
    """What to do next; "" without one."""


@dataclass(frozen=True, slots=True)
class EndingDocument:
    """How a command ended that has no report. It has no `run_id`, which every report has."""

    schema_version: int
    version: str
    command: str
    """Such as `run`."""
    exit_code: int | None
    """None while the command works, and after it was killed."""
    verdict: str
    next_step: str
    error: EndingError | None
    """None when nothing failed."""

    def as_document(self) -> dict[str, Any]:
        """Return it as the JSON object."""
        return asdict(self)
