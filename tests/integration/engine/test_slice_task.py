"""A slice that travels: what it takes from the process that carries it out, and from the run that it belongs to."""

import pickle
import time
from dataclasses import replace
from typing import Any

import pytest

from midaz_seed.engines.slice_task import SliceProgress, SliceTask, carry_out, prepare, slice_task
from midaz_seed.errors import SeedError, ShardError
from midaz_seed.event_loop import in_thread
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report, read_report
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for

TOKEN = "a-secret-token"


def _task(url: str, ends_at_s: float = 0.0, **sections: Any) -> SliceTask:
    settings = settings_for(url, **sections)
    return slice_task(settings, build_plan(settings), ends_at_s=ends_at_s).of(1, 1)


async def _carried_out(task: SliceTask, progress: list[bytes]) -> Report | SeedError:
    found = await in_thread(lambda: carry_out(task, is_stopped=lambda: False, report_progress=progress.append))
    return read_report(found) if isinstance(found, bytes) else found


async def test_a_slice_that_is_started_again_has_what_is_left_of_the_time_limit() -> None:
    slow = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 300}}]}
    volume = {"accountsPerLedger": 8, "transactionsPerAccount": 100}
    limits = {"durationS": 3600, "maxConcurrency": 2}
    async with sandbox(slow) as server:
        progress: list[bytes] = []
        task = _task(server.url, time.time() - 1, limits=limits, volume=volume)
        late = await _carried_out(task, progress)
        assert isinstance(late, ShardError)
        assert "did not begin before the time limit was over" in str(late)
        assert (await read_balances(server.url), progress) == ({}, [])
        report = await _carried_out(replace(task, ends_at_s=time.time() + 6), progress)
        assert isinstance(report, Report)
        assert report.settings["generation"]["limits"]["durationS"] < 7  # type: ignore[index, call-overload]
        assert 0 < report.plan_done_percent < 100
        assert "ime was up" in report.verdict
    last = pickle.loads(progress[-1])
    assert isinstance(last, SliceProgress)
    assert last.slice == "1/1"


def test_a_slice_takes_its_secrets_from_where_it_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task("http://127.0.0.1:9", target={"authToken": TOKEN})
    assert TOKEN.encode() not in pickle.dumps(task)
    assert "set MIDAZ_SEED_TARGET__AUTH_TOKEN in its environment" in prepare(task).problem
    monkeypatch.setenv("MIDAZ_SEED_TARGET__AUTH_TOKEN", "another")
    monkeypatch.setenv("MIDAZ_SEED_GENERATION__SEED", "12345")  # all slices must have the data of one plan
    assert prepare(task).problem == ""


def test_a_worker_of_another_version_or_plan_is_refused() -> None:
    task = _task("http://127.0.0.1:9")
    assert "and this is 0.0.9" in prepare(replace(task, version="0.0.9")).problem
    assert "plans other data" in prepare(replace(task, digest="0" * 64)).problem
