"""The document of a benchmark, `bench.json`; `text` and `markdown` render it."""

from dataclasses import asdict, dataclass
from statistics import median

from pydantic import TypeAdapter

from midaz_seed.model.json_types import JsonObject
from midaz_seed.reporting.comparison.comparing import Row
from midaz_seed.reporting.json_schema import document_schema
from midaz_seed.reporting.report_figures import Latency
from midaz_seed.reporting.report_findings import ThresholdReport
from midaz_seed.wording import json_document

SCHEMA_VERSION = 1
DOCUMENT, MARKDOWN, RUNS = "bench.json", "bench.md", "runs"
"""The files in the directory of a benchmark, and the folder with the reports of its runs."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the repetitions."""

    median: float
    min: float
    max: float
    mad: float
    """Median of the absolute deviations from the median: half of the repetitions are at most this far from it."""


@dataclass(frozen=True, slots=True)
class PhaseFigures:
    """What one run measured in one phase: `deposits`, `transfers`, `reads`, `follow_ups` or `refusals`."""

    name: str
    transactions: int
    """Transactions that were made, or refused as planned; of `reads` the answers."""
    transactions_per_s: float
    movements_per_s: float
    """0 in phases that move no money."""
    retries: int
    latency_ms: Latency


@dataclass(frozen=True, slots=True)
class BenchRun:
    """One run of a benchmark."""

    case: str
    """"" for a scenario without cases."""
    variant: str
    """Its settings as given, such as `c=8`; "" without variants."""
    repetition: int
    """From 1; 0 for a warm-up, which is not counted."""
    position: int
    """Its place among the variants of the repetition, from 1."""
    run_id: str
    plan_digest: str
    report: str
    """Path of its report.json, relative to this document."""
    started_at: str
    elapsed_s: float
    exit_code: int
    verdict: str
    proved: bool
    """Whether everything was made and every balance was found as planned; only such runs are counted."""
    balances_checked: int
    error_rate_percent: float
    client_cpu_percent: float
    phases: tuple[PhaseFigures, ...]


@dataclass(frozen=True, slots=True)
class PhaseSpread:
    """The figures of one phase over the repetitions."""

    name: str
    transactions_per_s: Spread
    movements_per_s: Spread
    latency_ms_p50: Spread
    latency_ms_p99: Spread


@dataclass(frozen=True, slots=True)
class BenchResult:
    """A case with a variant: what its repetitions measured."""

    case: str
    variant: str
    repetitions: int
    """Counted runs: those that were proved."""
    phases: tuple[PhaseSpread, ...]
    thresholds: tuple[ThresholdReport, ...]
    """Each with the median of its values."""


@dataclass(frozen=True, slots=True)
class SkippedCase:
    """A case that could not be run with a variant, such as one that the server's version lacks."""

    case: str
    variant: str
    reason: str


@dataclass(frozen=True, slots=True)
class VariantComparison:
    """A variant in comparison with the first one, on one case."""

    case: str
    variant: str
    base: str
    """The first variant."""
    repetitions: int
    """Those that are proved with both; each is a pair."""
    rows: tuple[Row, ...]
    """Each with its own 95 % interval. With one repetition it comes from the windows of a second."""


@dataclass(frozen=True, slots=True)
class BenchVariant:
    """A variant of the settings."""

    name: str
    settings: dict[str, str]
    """The settings that it changes, by path."""


@dataclass(frozen=True, slots=True)
class BenchReport:
    """The result of a benchmark."""

    schema_version: int
    version: str
    """Version of midaz-seed."""
    command: str
    exit_code: int
    verdict: str
    next_step: str
    error: None
    """Only the document of a benchmark without a result has an error."""
    bench_id: str
    """The beginning of the ids of its runs."""
    scenario: str
    target: str
    server_version: str
    started_at: str
    elapsed_s: float
    repetitions: int
    warm_up_s: float
    duration_s: float
    """Time that the movements of a run should take; 0: as many as the case has."""
    cases: tuple[str, ...]
    variants: tuple[BenchVariant, ...]
    results: tuple[BenchResult, ...]
    runs: tuple[BenchRun, ...]
    """In the order in which they were made."""
    skipped: tuple[SkippedCase, ...] = ()
    comparisons: tuple[VariantComparison, ...] = ()

    def as_json(self) -> str:
        """Return the document as JSON."""
        return json_document(asdict(self))


def spread(values: list[float]) -> Spread:
    """Return median and spread of values; there is at least one."""
    middle = median(values)
    return Spread(middle, min(values), max(values), median(abs(value - middle) for value in values))


def read_bench(data: bytes) -> BenchReport:
    """Read the document of a benchmark.

    Raises:
        ValueError: it is none.
    """
    report = TypeAdapter(BenchReport).validate_json(data)
    if report.schema_version != SCHEMA_VERSION:
        raise ValueError(f"its schema_version is {report.schema_version}, and this version reads {SCHEMA_VERSION}")
    return report


def json_schema() -> JsonObject:
    """Return the JSON Schema (draft 2020-12) of `bench.json`, which `midaz-seed bench --json` prints too.

    A benchmark that ended without a result leaves a document with the fields up to `error` alone.
    """
    return document_schema(BenchReport, "Report of midaz-seed bench", version=SCHEMA_VERSION)
