"""What the caller of a benchmark gives, and what it is shown while the benchmark works."""

from dataclasses import dataclass
from pathlib import Path

from midaz_seed.bench.report import BenchRun


@dataclass(frozen=True, slots=True)
class BenchStep:
    """A run of a benchmark, for a display: before it (`run` is None) and after it."""

    case: str
    variant: str
    repetition: int
    """From 1; 0 for a warm-up."""
    number: int
    """Of the counted runs, from 1; 0 for a warm-up."""
    total: int
    """Counted runs of the benchmark."""
    run: BenchRun | None = None


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How a benchmark measures.

    Attributes:
        directory: where `bench.json` and the reports of the runs are written.
        cases: names of the scenario's cases; () for all, or the scenario itself where it has none.
        repetitions: counted runs of each case with each variant.
        warm_up_s: time that transfers are sent before the first counted run of each case, in seconds; 0: no warm-up.
        duration_s: time that the movements of a counted run should take, in seconds, by the rate of the warm-up; 0: as
            many as the case has.
        teardown: remove what each run created before the next one.
    """

    directory: Path
    cases: tuple[str, ...] = ()
    repetitions: int = 3
    warm_up_s: float = 5.0
    duration_s: float = 0.0
    teardown: bool = False


def ignore_step(_: BenchStep) -> None:
    """Do nothing with a step."""
