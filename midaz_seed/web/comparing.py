"""Compare two runs: key figures, and the settings and other facts that differ."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from midaz_seed.pages.chart_data import phase_label
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.comparison.comparing import Row as ComparedRow
from midaz_seed.reporting.comparison.comparing import compare_reports
from midaz_seed.reporting.comparison.values import interval_text
from midaz_seed.reporting.report import Report
from midaz_seed.runs.record import RunRecord
from midaz_seed.web.history import Run

SETTING_CHARACTERS_MAX = 200
_NOT_COMPARED = ("journal.directory", "report", "manifest")
"""Settings that are about files, not about the run."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs."""

    label: str
    """A or B."""
    run: Run
    report: Report | None


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of both runs. `change` is from A to B in percent."""

    name: str
    first: float | None
    second: float | None
    unit: str = ""
    digits: int = 0
    is_better_high: bool | None = None
    """None where neither is better."""
    interval: str = ""
    """Confidence interval of B / A; "" without one."""
    is_shown: bool | None = None
    """Whether the interval excludes that nothing changed; None without one."""

    @property
    def change_percent(self) -> float | None:
        """The difference in percent of A; None where there is none."""
        if self.first is None or self.second is None or not self.first:
            return None
        return 100 * (self.second - self.first) / abs(self.first)

    @property
    def tone(self) -> str:
        """`better` or `worse` for B; "" for neither, for what the noise explains, and without interval below 1 %."""
        change = self.change_percent
        if change is None or self.is_better_high is None:
            return ""
        if self.is_shown is False or (self.is_shown is None and abs(change) < 1):
            return ""
        return "better" if (change > 0) == self.is_better_high else "worse"


def warnings_about(first: Side, second: Side) -> list[str]:
    """Return why the figures of two runs may not be comparable."""
    found = [
        f"The {name} differs: {before} and {after}."
        for name, before, after in _identities(first, second)
        if before != after
    ]
    for side in (first, second):
        record = side.run.record
        if side.report is None:
            found.append(f"Run {side.label} has no report that can be read.")
        elif record is not None and record.sessions > 1:
            found.append(f"The report of run {side.label} is that of its last session of {record.sessions}.")
        if side.report is not None and side.report.exit_code:
            found.append(f"Run {side.label} did not end well: {side.report.verdict}")
    return found


def _identities(first: Side, second: Side) -> Iterator[tuple[str, str, str]]:
    before, after = first.run.record, second.run.record
    if before is not None and after is not None:
        yield "plan", before.plan_digest[:12], after.plan_digest[:12]
        yield "scenario", before.scenario, after.scenario
        yield "version of midaz-seed", before.version, after.version
        yield "server", before.target, after.target
    if first.report is not None and second.report is not None:
        yield "version of the server", first.report.server_version, second.report.server_version


_FIGURES: tuple[tuple[str, Callable[[Report], float | None], str, int, bool | None], ...] = (
    ("Duration", lambda report: report.elapsed_s, "s", 1, False),
    ("Movements", lambda report: report.movements, "", 0, None),
    ("Transactions", lambda report: report.transactions, "", 0, None),
    ("Requests", lambda report: report.requests, "", 0, None),
    ("Movements/s", lambda report: report.movements_per_s, "", 0, True),
    ("Requests/s", lambda report: report.requests_per_s, "", 0, None),
    ("Plan done", lambda report: report.plan_done_percent, "%", 1, True),
    ("Errors", lambda report: report.error_rate_percent, "%", 2, False),
    ("Longest settlement", lambda report: report.settlement.waited_s_max, "s", 2, False),
    ("Differences", lambda report: report.proof.differences_total if report.proof else None, "", 0, False),
    ("Client CPU", lambda report: report.client_cpu_percent, "%", 0, False),
    ("Client memory", lambda report: report.rss_mb_max, "MB", 0, False),
)
"""Name, value, unit, decimals, whether more is better."""


def figures(first: Report | None, second: Report | None) -> list[Row]:
    """Return the key figures of two reports."""
    changes = {row.path: row for row in compare_reports([first], [second])} if first and second else {}
    rows = [
        _with_interval(
            Row(name, value(first) if first else None, value(second) if second else None, unit, digits, is_better_high),
            changes.get("movements_per_s") if name == "Movements/s" else None,
        )
        for name, value, unit, digits, is_better_high in _FIGURES
    ]
    for phase in (Phase.ACCOUNTS, Phase.DEPOSITS, Phase.TRANSFERS):
        before, after = _latency(first, phase), _latency(second, phase)
        for name in ("p50", "p95", "p99"):
            row = Row(f"{phase_label(phase.value)} {name}", before.get(name), after.get(name), "ms", 1, False)
            if row.first is not None or row.second is not None:
                rows.append(_with_interval(row, changes.get(f"{phase.value}.latency_ms_{name}")))
    return rows


def _with_interval(row: Row, compared: ComparedRow | None) -> Row:
    if compared is None or compared.change is None:
        return row
    return replace(row, interval=interval_text(compared.change), is_shown=compared.is_shown)


def _latency(report: Report | None, phase: Phase) -> dict[str, float]:
    found = next((each for each in report.phases if each.name == phase.value), None) if report else None
    if found is None or not found.requests:
        return {}
    return {"p50": found.latency_ms.p50, "p95": found.latency_ms.p95, "p99": found.latency_ms.p99}


def different_settings(first: RunRecord | None, second: RunRecord | None) -> list[tuple[str, str, str]]:
    """Return the settings that differ: path, value of A, value of B."""
    before, after = (record.settings if record is not None else {} for record in (first, second))
    paths = sorted({*before, *after})
    return [
        (path, _short(before.get(path)), _short(after.get(path)))
        for path in paths
        if path not in _NOT_COMPARED and before.get(path) != after.get(path)
    ]


def _short(value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    text = "not set" if value is None else ", ".join(map(str, items))
    return text if len(text) <= SETTING_CHARACTERS_MAX else f"{text[:SETTING_CHARACTERS_MAX]}..."
