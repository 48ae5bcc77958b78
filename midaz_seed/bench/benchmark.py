"""The library's calls for a benchmark, async with a synchronous twin. The command calls them too."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from midaz_seed.bench.comparing import compare_variants
from midaz_seed.bench.figures import is_proved, phase_figures, result_of
from midaz_seed.bench.options import BenchOptions, BenchStep, ignore_step
from midaz_seed.bench.order import first_movements, movements_for, rounds
from midaz_seed.bench.report import (
    DOCUMENT,
    MARKDOWN,
    RUNS,
    SCHEMA_VERSION,
    BenchReport,
    BenchResult,
    BenchRun,
    BenchVariant,
    SkippedCase,
    VariantComparison,
)
from midaz_seed.bench.sizing import (
    changed_settings,
    check_fits,
    with_batch_size,
    with_fewer,
    with_movements,
    with_scenario,
)
from midaz_seed.bench.text import render_markdown
from midaz_seed.bench.verdict import SIGNALLED, judge
from midaz_seed.clock import Clock, SystemClock
from midaz_seed.errors import ExitCode, OutputError, PlanError, SeedError, UnsupportedScenarioError
from midaz_seed.event_loop import synchronous
from midaz_seed.plan.memory import movements_of
from midaz_seed.reporting.events import Emit
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_file import check_writable, write_document
from midaz_seed.runner import Watch, ignore_event, reach, seed_async, teardown_async
from midaz_seed.scenarios.loader import find_case
from midaz_seed.scenarios.model import Scenario
from midaz_seed.settings.model import Sandbox, Settings, Target
from midaz_seed.settings.target import resolve_target

WARM_UP_RUNS_MAX = 2


async def benchmark_async(
    settings: Settings,
    options: BenchOptions,
    *,
    variants: Mapping[str, Settings] | None = None,
    emit: Emit = ignore_event,
    watch: Watch | None = None,
    show: Callable[[BenchStep], None] = ignore_step,
    handle_signals: bool = False,
    overrides: Mapping[type, Any] | None = None,
) -> BenchReport:
    """Measure the cases of a scenario, each with each variant of the settings, in runs that are verified.

    The cases are run one after another. Each run has an id of its own, so it fills ledgers of its own. The repetitions
    of several variants are interleaved (`bench.order.rounds`). With the sandbox as the target, all runs use one.

    Args:
        settings: what to run, where, and how; the scenario may have cases.
        options: cases, repetitions and times.
        variants: name -> settings that differ from `settings`; without any, these are measured alone.
        emit: as in `seed_async`, of every run.
        watch: as in `seed_async`, of every run.
        show: called before and after each run.
        handle_signals: as in `seed_async`; what was measured before a signal is in the report.
        overrides: as in `seed_async`.

    Returns:
        The report; `bench.json` is written after each case. Failures after the first run do not raise.

    Raises:
        UsageError: an unknown case, or anything that `seed_async` refuses in the first run.
        TargetError: as `seed_async`, in the first run.
        SignalledError: with `handle_signals`, a signal came before the first run had begun.
    """
    calls = _Calls(emit, watch, show, handle_signals=handle_signals, overrides=overrides or {})
    async with AsyncExitStack() as stack:
        whole = _Bench(settings, options, dict(variants or {}) or {"": settings}, calls, stack)
        return await whole.run()


benchmark = synchronous(benchmark_async)


@dataclass(frozen=True, slots=True)
class _Calls:
    """What the caller gave for every run."""

    emit: Emit
    watch: Watch | None
    show: Callable[[BenchStep], None]
    handle_signals: bool
    overrides: Mapping[type, Any]


@dataclass(slots=True)
class _CaseState:
    """One case while it is measured."""

    name: str
    settings: dict[str, Settings]
    """By variant."""
    runs: dict[str, list[BenchRun]] = field(default_factory=dict)
    reports: dict[str, list[Report]] = field(default_factory=dict)
    """By variant, of its proved runs."""


class _Bench:
    """One benchmark."""

    def __init__(
        self,
        settings: Settings,
        options: BenchOptions,
        variants: dict[str, Settings],
        calls: _Calls,
        stack: AsyncExitStack,
    ) -> None:
        self._options, self._calls, self._stack = options, calls, stack
        self._clock: Clock = calls.overrides.get(Clock) or SystemClock()
        self._variants = variants
        self._settings = settings
        self._scenario = settings.scenario
        self._cases = _cases(settings.scenario, options.cases)
        self._targets: dict[tuple[Target, Sandbox], Target] = {}
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        self.bench_id = f"b{now:%y%m%d%H%M}-{secrets.token_hex(2)}"
        self._started_at, self._started_s = now.isoformat(timespec="seconds"), self._clock.monotonic()
        self._runs: list[BenchRun] = []
        self._results: list[BenchResult] = []
        self._comparisons: list[VariantComparison] = []
        self._skipped: list[SkippedCase] = []
        self._ended: SeedError | None = None
        self._signalled: ExitCode | None = None
        self._last: Report | None = None
        self._total = len(self._cases) * len(variants) * options.repetitions
        self._number = 0

    async def run(self) -> BenchReport:
        """Run everything, write `bench.json` after each case, and return the report."""
        cases = [
            _CaseState(name, {each: with_scenario(own, scenario) for each, own in self._variants.items()})
            for name, scenario in self._cases.items()
        ]
        for case in cases:
            for settings in case.settings.values():
                check_fits(settings, case.name)
        self._open_directory()
        try:
            return await self._run_cases(cases)
        finally:
            if not self._runs:  # nothing is in it
                with suppress(OSError):
                    (self._options.directory / RUNS).rmdir()
                    self._options.directory.rmdir()

    async def _run_cases(self, cases: Sequence[_CaseState]) -> BenchReport:
        for case in cases:
            await self._case(case)
            self._conclude(case)
            report = self._report()
            self._write(report)
            if self._is_over:
                break
        return report

    def _open_directory(self) -> None:
        directory = self._options.directory
        try:
            (directory / RUNS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the directory of the benchmark cannot be written: {error.strerror or error}",
                where=str(directory),
                hint="name another one with --output",
            ) from error
        check_writable(directory / DOCUMENT, "report of the benchmark")

    def _conclude(self, case: _CaseState) -> None:
        """Take the figures of a case."""
        measured = {
            name: list(zip(case.runs[name], case.reports[name], strict=True))
            for name in self._variants
            if case.runs.get(name)
        }
        self._results += [
            result_of(case.name, name, case.runs[name], [report.thresholds for _, report in of_one])
            for name, of_one in measured.items()
        ]
        if measured:
            self._comparisons += compare_variants(case.name, measured)

    @property
    def _is_over(self) -> bool:
        return self._ended is not None or self._signalled is not None

    async def _case(self, case: _CaseState) -> None:
        await self._warm_up(case)
        for repetition, names in rounds(list(case.settings), self._options.repetitions):
            for position, name in enumerate(names, 1):
                self._number += 1
                if self._is_over or name not in case.settings:
                    continue
                await self._counted(case, name, repetition, position)

    async def _warm_up(self, case: _CaseState) -> None:
        """Send transfers that are not counted, and set the size of the counted runs by their rate."""
        options, first = self._options, next(iter(case.settings))
        if not options.warm_up_s and not options.duration_s:
            return
        settings = with_fewer(case.settings[first], first_movements(movements_of(case.settings[first])))
        left_s = options.warm_up_s
        per_s = 0.0
        for number in range(WARM_UP_RUNS_MAX):
            run = await self._one(case, first, settings, 0, number + 1)
            transfers = next((phase for phase in run.phases if phase.name == "transfers"), None) if run else None
            if transfers is None or not transfers.transactions_per_s:
                return
            per_s = transfers.transactions_per_s
            left_s -= transfers.transactions / per_s
            if left_s <= 0 or case.settings[first].scenario.volume.from_settings:
                break
            settings = with_movements(settings, movements_for(left_s, per_s))
        if options.duration_s:
            size = movements_for(options.duration_s, per_s)
            case.settings = {name: with_movements(own, size) for name, own in case.settings.items()}

    async def _counted(self, case: _CaseState, variant: str, repetition: int, position: int) -> None:
        settings = case.settings[variant]
        run = await self._one(case, variant, settings, repetition, position)
        if run is None:
            return
        case.runs.setdefault(variant, [])
        case.reports.setdefault(variant, [])
        if run.proved:
            assert self._last is not None
            case.runs[variant].append(run)
            case.reports[variant].append(self._last)

    async def _one(
        self, case: _CaseState, variant: str, settings: Settings, repetition: int, position: int
    ) -> BenchRun | None:
        """Carry out one run; None when there is no report of it."""
        calls = self._calls
        step = BenchStep(case.name, variant, repetition, self._number if repetition else 0, self._total)
        calls.show(step)
        run_id = f"{self.bench_id}-{len(self._runs) + 1}"
        file = self._options.directory / RUNS / f"{run_id}.json"
        own = await self._placed(settings, run_id, file, is_counted=bool(repetition))
        try:
            report = await seed_async(
                own,
                emit=calls.emit,
                watch=calls.watch,
                handle_signals=calls.handle_signals,
                overrides=calls.overrides,
            )
        except (UnsupportedScenarioError, PlanError) as error:
            if len(self._cases) == 1:
                raise
            self._skip(case, variant, error)
            return None
        except SeedError as error:
            if not self._runs:
                raise
            self._ended = error
            return None
        self._last = report
        run = self._recorded(case, variant, repetition, position, report, file)
        case.settings[variant] = with_batch_size(case.settings[variant], report)
        calls.show(BenchStep(case.name, variant, repetition, step.number, self._total, run))
        if report.exit_code in SIGNALLED:
            self._signalled = ExitCode(report.exit_code)
        elif self._options.teardown:
            await self._remove(own)
        return run

    async def _remove(self, settings: Settings) -> None:
        try:
            await teardown_async(
                settings,
                emit=self._calls.emit,
                handle_signals=self._calls.handle_signals,
                overrides=self._calls.overrides,
            )
        except SeedError as error:
            self._ended = error

    def _skip(self, case: _CaseState, variant: str, error: SeedError) -> None:
        for name in [variant] if len(case.settings) > 1 else list(case.settings):
            self._skipped.append(SkippedCase(case.name, name, error.message))
            del case.settings[name]

    async def _placed(self, settings: Settings, run_id: str, file: Path, *, is_counted: bool) -> Settings:
        """Return the settings of one run: with its id and its report, on the target that all runs share."""
        key = settings.target, settings.sandbox
        if key not in self._targets:
            target = resolve_target(settings.target)
            address = await self._stack.enter_async_context(reach(settings, target))
            self._targets[key] = settings.target
            if target.is_sandbox:
                urls = {"onboarding_url": address.onboarding_url, "transaction_url": address.transaction_url}
                self._targets[key] = settings.target.model_copy(update={"base_url": "", **urls})
        journal, thresholds = settings.journal, settings.thresholds
        if settings.has_temporary_sandbox:
            journal = journal.model_copy(update={"enabled": False})
        if not is_counted:
            thresholds = thresholds.model_copy(update={"fail_if": (), "preset": None})
        own = {"run_id": run_id, "report": file, "target": self._targets[key]}
        return settings.model_copy(update={**own, "journal": journal, "thresholds": thresholds})

    def _recorded(
        self, case: _CaseState, variant: str, repetition: int, position: int, report: Report, file: Path
    ) -> BenchRun:
        proof = report.proof
        run = BenchRun(
            case=case.name,
            variant=variant,
            repetition=repetition,
            position=position,
            run_id=report.run_id,
            plan_digest=report.plan_digest,
            report=str(file.relative_to(self._options.directory)),
            started_at=report.started_at,
            elapsed_s=report.elapsed_s,
            exit_code=report.exit_code,
            verdict=report.verdict,
            proved=is_proved(report),
            balances_checked=proof.balances_checked if proof is not None else 0,
            error_rate_percent=report.error_rate_percent,
            client_cpu_percent=report.client_cpu_percent,
            phases=phase_figures(report),
        )
        self._runs.append(run)
        return run

    def _report(self) -> BenchReport:
        verdict = judge(self._runs, self._results, self._skipped, self._ended, self._signalled)
        options = self._options
        return BenchReport(
            schema_version=SCHEMA_VERSION,
            version=version("midaz-seed"),
            command="bench",
            exit_code=verdict.exit_code,
            verdict=verdict.text,
            next_step=verdict.next_step,
            error=None,
            bench_id=self.bench_id,
            scenario=self._scenario.scenario,
            target=self._last.target if self._last else self._settings.target.base_url,
            server_version=self._last.server_version if self._last else "",
            started_at=self._started_at,
            elapsed_s=self._clock.monotonic() - self._started_s,
            repetitions=options.repetitions,
            warm_up_s=options.warm_up_s,
            duration_s=options.duration_s,
            cases=tuple(name for name in self._cases if name),
            variants=tuple(
                BenchVariant(name, changed_settings(own, self._settings))
                for name, own in self._variants.items()
                if name
            ),
            results=tuple(self._results),
            runs=tuple(self._runs),
            skipped=tuple(self._skipped),
            comparisons=tuple(self._comparisons),
        )

    def _write(self, report: BenchReport) -> None:
        write_document(report.as_json(), self._options.directory / DOCUMENT, what="report of the benchmark")
        write_document(render_markdown(report), self._options.directory / MARKDOWN, what="report of the benchmark")


def _cases(scenario: Scenario, names: Sequence[str]) -> dict[str, Scenario]:
    """Return the cases to measure by name; "" for a scenario without cases."""
    if not names:
        return {name: scenario.case(name) for name in scenario.cases} or {"": scenario}
    return {name: find_case(scenario, name) for name in names}
