"""The slices of a run: each has a directory of its own, and its report is merged with those of the others."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from midaz_seed.clock import Clock
from midaz_seed.errors import AS_PLANNED, OutputError, RunError
from midaz_seed.model.ledger_shard import read_slice
from midaz_seed.plan.plan import Plan
from midaz_seed.reporting.merging import merge_reports
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.reporting.report_file import write_json
from midaz_seed.runs.directory import REPORT, RUN_RECORD, RunDirectory, find_run, run_directory, runs_with_id
from midaz_seed.runs.identity import directory_name, server_key, target_name
from midaz_seed.runs.names import run_id_in
from midaz_seed.runs.record import RunRecord, RunStatus, check_same_plan, new_record, timestamp
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget


def find_slices(root: Path, name: str) -> list[RunDirectory]:
    """Return the directories of all slices of a run, in order.

    Args:
        root: where the runs are.
        name: the run id, or the name of the directory of one slice.

    Raises:
        RunError: there is no such run, it has no slices, or one is missing.
    """
    run_id = run_id_in(name)
    slices = [run for run in runs_with_id(root, run_id) if run.read_record().slice]
    if not slices:
        find_run(root, name)
        raise RunError(f"run {run_id} has no slices", where=str(root), hint="`midaz-seed run --slice i/n` starts one")
    if name != run_id:
        server = _server(find_run(root, name).read_record())
        slices = [run for run in slices if _server(run.read_record()) == server]
    if len({_server(run.read_record()) for run in slices}) > 1:
        lines = "".join(f"\n  {run.name}" for run in slices)
        raise RunError(
            f"run {run_id} has slices on several servers:{lines}", where=str(root), hint="name a slice of one of them"
        )
    _check_complete(root, run_id, slices)
    return sorted(slices, key=lambda run: read_slice(run.read_record().slice).index)


def _check_complete(root: Path, run_id: str, slices: Sequence[RunDirectory]) -> None:
    given = [read_slice(run.read_record().slice) for run in slices]
    numbers = sorted({each.of for each in given})
    if len(numbers) > 1:
        raise RunError(
            f"run {run_id} was divided in several ways: into {' and '.join(map(str, numbers))} slices",
            where=str(root),
            hint="delete the directories of one of them with `midaz-seed runs delete`; their data stays on the server",
        )
    missing = sorted(set(range(numbers[0])) - {each.index for each in given})
    if missing:
        which = ", ".join(f"{index + 1}/{numbers[0]}" for index in missing[:10])
        raise RunError(
            f"{len(missing)} of {numbers[0]} slices of run {run_id} are missing: {which}",
            where=str(root),
            hint="run them, or copy their directories here",
        )


def _server(record: RunRecord) -> str:
    return server_key(record.target, record.settings.get("sandbox.data"))


def merge_slices(slices: Sequence[RunDirectory], clock: Clock) -> tuple[Report, RunDirectory]:
    """Merge the reports of the slices of a run, and write the result into the run's own directory.

    Args:
        slices: from `find_slices`.
        clock: gives the time of the record.

    Returns:
        The report, and the directory.

    Raises:
        RunError: a slice has no report yet, or they are not of one plan.
        OutputError: the result cannot be written.
    """
    report = merge_reports([_read(run) for run in slices])
    records = [run.read_record() for run in slices]
    settings = {path: value for path, value in records[0].settings.items() if path != "generation.limits.slice"}
    record = replace(
        records[0],
        created_at=min(record.created_at for record in records),
        planned=sum(phase.planned for phase in report.phases),
        rejected=sum(record.rejected for record in records),
        sessions=max(record.sessions for record in records),
        elapsed_s=max(record.elapsed_s for record in records),
        movements=sum(record.movements for record in records),
        settings=settings,
    )
    directory = RunDirectory(slices[0].path.parent / directory_name(record.run_id, _server(record)))
    with directory.owned():
        _write_merged(report, record, directory, clock)
    return report, directory


class DividedRun:
    """The directory of a run whose slices other processes carry out, while this process owns it."""

    def __init__(self, directory: RunDirectory, record: RunRecord, clock: Clock) -> None:
        self.directory = directory
        self._record = record
        self._clock = clock
        self.has_begun = False

    def begin(self) -> None:
        """Record that the slices are being carried out. Raises OutputError."""
        self._record = replace(
            self._record,
            status=RunStatus.RUNNING,
            updated_at=timestamp(self._clock),
            sessions=self._record.sessions + 1,
        )
        self.directory.write(self._record)
        self.has_begun = True

    def end(self, report: Report) -> None:
        """Write the merged report, and its result to the run record. Raises OutputError."""
        self._record = replace(
            self._record,
            elapsed_s=self._record.elapsed_s + report.elapsed_s,
            movements=self._record.movements + report.movements,
        )
        _write_merged(report, self._record, self.directory, self._clock)

    def end_early(self, before: RunRecord | None) -> None:
        """Record an end without a report; a run of which nothing is there keeps no directory."""
        run_id, root = self._record.run_id, self.directory.path.parent
        if before is None and not any(run.read_record().slice for run in runs_with_id(root, run_id)):
            shutil.rmtree(self.directory.path)
        elif self.has_begun:
            self.directory.write(replace(self._record, status=RunStatus.UNFINISHED, updated_at=timestamp(self._clock)))


@contextmanager
def open_divided_run(
    settings: Settings, plan: Plan, target: ResolvedTarget, clock: Clock
) -> Iterator[DividedRun | None]:
    """Own the directory of a run for the duration of the block, while other processes carry out its slices.

    Args:
        settings: those of the whole run.
        plan: follows from the settings.
        target: where the run is.
        clock: gives the times of the records.

    Raises:
        RunError: another process owns the run, or it has another plan.
        OutputError: the directory cannot be written.
    """
    if not settings.keeps_a_journal:
        yield None
        return
    directory = run_directory(settings, plan.run_id, target)
    with directory.owned():
        before = directory.read_record() if directory.exists else None
        if before is not None:
            check_same_plan(before, settings, plan, directory / RUN_RECORD)
        record = new_record(settings, plan, target=target_name(target), clock=clock)
        if before is not None:
            record = replace(
                record,
                created_at=before.created_at,
                sessions=before.sessions,
                elapsed_s=before.elapsed_s,
                movements=before.movements,
                movements_per_s=before.movements_per_s,
            )
        run = DividedRun(directory, record, clock)
        try:
            yield run
        except BaseException:
            with suppress(OutputError):
                run.end_early(before)
            raise


def _write_merged(report: Report, record: RunRecord, directory: RunDirectory, clock: Clock) -> None:
    """Write a merged report into the directory of the run, which this process owns. Raises OutputError."""
    done = sum(phase.created + phase.existing + phase.refused for phase in report.phases if phase.planned)
    whole = report.exit_code in AS_PLANNED and report.plan_done_percent == 100
    record = replace(
        record,
        status=RunStatus.FINISHED if whole else RunStatus.UNFINISHED,
        updated_at=timestamp(clock),
        done=done,
        exit_code=report.exit_code,
        verdict=report.verdict,
        movements_per_s=report.movements_per_s if report.movements else record.movements_per_s,
        verified=report.proof.ok if report.proof is not None else None,
        differences=report.proof.differences_total if report.proof is not None else 0,
    )
    directory.write(record)
    write_json(report, directory / REPORT, private=True)


def _read(run: RunDirectory) -> Report:
    file, record = run / REPORT, run.read_record()
    if record.status in (RunStatus.RUNNING, RunStatus.CUT_OFF):
        raise RunError(
            f"slice {record.slice} has not ended: {record.status}",
            where=str(run.path),
            hint=f"wait for it, or continue it with `midaz-seed run --resume {run.arguments}`",
        )
    try:
        return read_report(file.read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(
            f"the report of slice {record.slice} cannot be read",
            where=str(file),
            hint=f"continue it with `midaz-seed run --resume {run.arguments}`, which writes it again",
        ) from error
