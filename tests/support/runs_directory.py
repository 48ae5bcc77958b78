"""A runs directory with runs of every kind."""

from dataclasses import replace
from pathlib import Path

import orjson

from midaz_seed.runner import seed
from midaz_seed.runs.directory import PAGE, list_runs
from midaz_seed.runs.record import RunStatus
from tests.support.sandbox import blocking_sandbox_process
from tests.support.settings import settings_for

HOSTILE = "<img src=x onerror=alert(1)>"


def make_runs(root: Path) -> None:
    """Make two finished runs, `first` and `second`, one without a report, one that was cut off, and two that are
    damaged, one of them with a hostile name. Besides, a directory that is no run."""
    with blocking_sandbox_process() as url:
        for run_id, other in (("first", {}), ("second", {"seed": 7, "limits": {"maxConcurrency": 2}})):
            assert seed(settings_for(url, runs=root, runId=run_id, **other)).exit_code == 0
    first = list_runs(root)[0].read_record()
    for name, status, verdict in (("cut", RunStatus.UNFINISHED, HOSTILE), ("live", RunStatus.RUNNING, "Done.")):
        path = root / f"{name}_server"
        path.mkdir()
        record = replace(first, run_id=name, status=status, verdict=verdict, exit_code=1)
        (path / "run.json").write_bytes(orjson.dumps(record))
    (root / "live_server" / PAGE).write_text("http://127.0.0.1:8400/\n")
    for name in (HOSTILE, "broken"):
        (root / name).mkdir()
        (root / name / "run.json").write_text('{"run_id": 1')
    (root / "outside").mkdir()
    (root / "outside" / "report.json").write_text("{}")
