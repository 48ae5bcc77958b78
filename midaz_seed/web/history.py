"""The runs of a directory, as the history shows them. Reads only; run records and reports may be damaged."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from midaz_seed.errors import SeedError
from midaz_seed.files import read_regular
from midaz_seed.model.json_types import JsonObject
from midaz_seed.reporting.report import Report, read_report
from midaz_seed.runs.directory import PAGE, REPORT, RUN_RECORD, RunDirectory, list_runs
from midaz_seed.runs.record import RunRecord, RunStatus

SCHEMA_VERSION = 1
DAMAGED = "damaged"
REPORT_BYTES_MAX = 64 * 1024 * 1024
_PAGE_URL = re.compile(r"http://[A-Za-z0-9.:\[\]-]{1,200}/")


@dataclass(frozen=True, slots=True)
class Run:
    """One directory of a run."""

    directory: RunDirectory
    record: RunRecord | None
    """None when it is damaged."""
    problem: str = ""
    """Why it cannot be read."""

    @property
    def name(self) -> str:
        """The name of its directory: how the pages find it."""
        return self.directory.path.name

    @property
    def status(self) -> str:
        """Its status, or `damaged`."""
        return self.record.status.value if self.record is not None else DAMAGED

    @property
    def verdict(self) -> str:
        """`passed` or `failed` by the exit code of its last session; "" while it has none, or its data is removed."""
        record = self.record
        if record is None or record.exit_code is None or record.status is RunStatus.REMOVED:
            return ""
        return "failed" if record.exit_code else "passed"

    @property
    def done_percent(self) -> int:
        """The share of the plan that is done."""
        return 100 * self.record.done // max(self.record.planned, 1) if self.record is not None else 0

    @property
    def has_figures(self) -> bool:
        """Whether its record has the figures of sessions that ended, and none works on it now."""
        return self.record is not None and self.record.elapsed_s > 0 and self.record.status is not RunStatus.RUNNING

    @property
    def page_url(self) -> str:
        """The address of its live page; "" without one."""
        if self.record is None or self.record.status is not RunStatus.RUNNING:
            return ""
        try:
            url = read_regular(self.directory / PAGE, bytes_max=300).decode().strip()
        except (OSError, ValueError):
            return ""
        return url if _PAGE_URL.fullmatch(url) else ""

    def has_words(self, words: list[str]) -> bool:
        """Return whether all these words, in lower case, are in what the list shows of it."""
        record = self.record
        texts = [self.name, self.status, self.problem]
        if record is not None:
            texts += [record.run_id, record.scenario, record.target, record.verdict, record.created_at, record.version]
        text = "\n".join(texts).lower()
        return all(word in text for word in words)

    def read_report(self) -> Report | None:
        """Return its report; None when there is none that this version reads."""
        file = self.directory / REPORT
        try:
            return read_report(read_regular(file, bytes_max=REPORT_BYTES_MAX))
        except (OSError, ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs to list; "" stands for all."""

    text: str = ""
    status: str = ""
    verdict: str = ""
    scenario: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        """Return the filter of a query string."""
        return cls(**{each.name: query.get(each.name, "")[:200] for each in dataclasses.fields(cls)})

    def accepts(self, run: Run) -> bool:
        """Return whether to list a run."""
        scenario = run.record.scenario if run.record is not None else ""
        exact = ((self.status, run.status), (self.verdict, run.verdict), (self.scenario, scenario))
        return all(wanted in ("", found) for wanted, found in exact) and run.has_words(self.text.lower().split())


class History:
    """The runs of a directory. What has been read is kept until the file changes. Several threads may ask at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[int, Run]] = {}
        """Name of a directory -> when its record was written, and the run."""

    def runs(self) -> list[Run]:
        """Return all runs, the last updated one first. Raises UsageError when the directory cannot be read."""
        found = {directory.path.name: self._read(directory) for directory in reversed(list_runs(self.root))}
        self._known = {name: known for name, known in list(self._known.items()) if name in found}
        return list(found.values())

    def find(self, name: str) -> Run | None:
        """Return the run whose directory has this name. Only names of the listed directories are found."""
        return next((self._read(each) for each in list_runs(self.root) if each.path.name == name), None)

    def _read(self, directory: RunDirectory) -> Run:
        name = directory.path.name
        try:
            written_ns = (directory / RUN_RECORD).stat().st_mtime_ns
        except OSError:
            written_ns = 0
        at_ns, known = self._known.get(name, (-1, None))
        if known is not None and at_ns == written_ns:
            return known
        try:
            run = Run(directory, directory.read_record())
        except SeedError as error:
            run = Run(directory, None, error.message)
        if run.status not in (RunStatus.RUNNING, RunStatus.CUT_OFF):  # their progress is in other files
            self._known[name] = (written_ns, run)
        return run


def as_document(runs: list[Run]) -> JsonObject:
    """Return runs as `/runs.json` has them."""
    return {"schema_version": SCHEMA_VERSION, "runs": [_row(run) for run in runs]}


def _row(run: Run) -> JsonObject:
    row: JsonObject = {"name": run.name, "status": run.status}
    if run.record is None:
        return {**row, "problem": run.problem}
    record = dataclasses.asdict(run.record)
    del record["settings"]
    return {**row, **record, "scenario": run.record.scenario, "status": run.status, "page_url": run.page_url}
