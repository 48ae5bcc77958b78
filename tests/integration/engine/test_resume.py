"""A run that ended early goes on from its journal: nothing is sent twice, nothing is left out, nobody else's run is
touched."""

from functools import partial
from itertools import count
from pathlib import Path

import orjson
import pytest

from midaz_seed.errors import RunError, UnreachableError, UsageError
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async, teardown_async
from midaz_seed.runs.directory import JOURNAL, LOCK, REJECTS, REPORT, RUN_RECORD, find_run, list_runs, run_directory
from midaz_seed.runs.record import RunStatus
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.target import resolve_target
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.combinations import combinations
from tests.support.kills import run_until_killed
from tests.support.sandbox import Balances, read_balances, sandbox, undisturbed_balances
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, http_transport

VOLUME = {"accountsPerLedger": 12, "transactionsPerAccount": 6, "ledgersPerOrganization": 2}


_settings = partial(settings_for, volume=VOLUME, settlement={"deadlineS": 2})
"""Two seconds are how long an organization whose creation has no answer is searched for."""


def _contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """The bytes of every file below a folder but the lock, and when they were written."""
    return {
        file: (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file() and file.name != LOCK
    }


def _made(report: Report) -> int:
    return sum(phase.created for phase in report.phases)


@pytest.fixture(scope="module")
def undisturbed() -> Balances:
    """The balances of a run that is not killed."""
    return undisturbed_balances(volume=VOLUME)


@pytest.mark.parametrize(("posts", "reaches"), combinations([1, 2, 4, 20, 45, 60, 90, 120, 170], [True, False], step=2))
async def test_a_run_killed_at_any_request_ends_in_the_planned_balances(
    posts: int, reaches: bool, tmp_path: Path, undisturbed: Balances
) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await run_until_killed(settings, posts, reaches=reaches)
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert report.proof is not None
        assert report.proof.ok
        assert await read_balances(server.url) == undisturbed


def _posts(server: SandboxServer) -> int:
    return sum(count for (method, _), count in server.app.statistics.requests.items() if method == "POST")


async def test_acknowledged_work_is_not_sent_again(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await run_until_killed(settings, 90, reaches=True)
        before = _posts(server)
        report = await seed_async(settings)
        assert report.exit_code == 0
        # 89 were answered; of those, the answers since the last lease of 32 were not written down yet
        assert _posts(server) - before <= build_plan(settings).posts - 89 + 2 * 32


async def test_progress_starts_where_it_stopped(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await run_until_killed(settings, 120, reaches=True)
        report = await seed_async(settings)
        existing = sum(phase.existing for phase in report.phases)
        assert existing >= 119 - 2 * 32
        assert existing + _made(report) == build_plan(settings).posts


async def test_a_finished_run_is_verified_again_and_nothing_is_sent(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await seed_async(settings)
        before = _posts(server)
        report = await seed_async(settings)
        assert report.exit_code == 0
        assert report.proof is not None
        assert report.proof.ok
        assert _posts(server) == before


async def test_a_finished_run_whose_server_was_wiped_begins_anew(tmp_path: Path) -> None:
    async with sandbox() as server:
        await seed_async(_settings(server.url, runs=tmp_path))
    run = list_runs(tmp_path)[0]
    async with sandbox(seed=2) as server:
        report = await seed_async(_settings(server.url, runs=tmp_path), directory=run)
        assert report.exit_code == 0
        assert _made(report) == build_plan(_settings(server.url, runs=tmp_path)).posts


async def test_an_unfinished_run_is_not_resumed_on_another_server(tmp_path: Path) -> None:
    async with sandbox() as server:
        await run_until_killed(_settings(server.url, runs=tmp_path), 60, reaches=True)
    async with sandbox(seed=2) as server:
        before = _contents(tmp_path)
        with pytest.raises(RunError, match="not the server that run"):
            await seed_async(_settings(server.url, runs=tmp_path), directory=find_run(tmp_path, ""))
        assert _posts(server) == 0
        assert _contents(tmp_path) == before


async def test_a_run_of_the_same_name_with_another_plan_is_refused_with_what_differs(tmp_path: Path) -> None:
    """6: and nothing on disk changes."""
    async with sandbox() as server:
        await run_until_killed(_settings(server.url, runs=tmp_path, runId="mine"), 60, reaches=True)
        before, files = _posts(server), _contents(tmp_path)
        with pytest.raises(RunError, match=r"seed 1 -> 2"):
            await seed_async(_settings(server.url, runs=tmp_path, runId="mine", seed=2))
        with pytest.raises(RunError, match=r"data.individualsPercent 70 -> 10"):
            await seed_async(_settings(server.url, runs=tmp_path, runId="mine", data={"individualsPercent": 10}))
        assert _posts(server) == before
        assert _contents(tmp_path) == files


async def test_another_concurrency_resumes_the_same_run(tmp_path: Path) -> None:
    async with sandbox() as server:
        await run_until_killed(_settings(server.url, runs=tmp_path), 60, reaches=True)
        pace = {"limits": {"maxConcurrency": 2}}
        report = await seed_async(_settings(server.url, runs=tmp_path, generation=pace))
        assert report.exit_code == 0


async def test_two_processes_cannot_have_one_run(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        other = run_directory(settings, build_plan(settings).run_id, resolve_target(settings.target))
        with other.owned(), pytest.raises(RunError, match=r"is in use by process \d+"):
            await seed_async(settings)
        assert _posts(server) == 0


async def test_a_damaged_journal_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await run_until_killed(settings, 60, reaches=True)
        before = _posts(server)
        journal = find_run(tmp_path, "").path / JOURNAL
        data = bytearray(journal.read_bytes())
        data[40] ^= 1
        journal.write_bytes(data)
        with pytest.raises(RunError, match="damaged at byte"):
            await seed_async(settings)
        assert _posts(server) == before


async def test_a_journal_that_lost_its_end_with_the_machine_is_not_believed_against_the_balances(
    tmp_path: Path, undisturbed: Balances
) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path, settlement={"deadlineS": 0.5})
        await run_until_killed(settings, 30, reaches=True)
        run = find_run(tmp_path, "").path
        early = (run / JOURNAL).read_bytes()
        await run_until_killed(settings, 60, reaches=True)
        (run / JOURNAL).write_bytes(early)
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert await read_balances(server.url) == undisturbed


async def test_a_run_directory_that_cannot_be_made_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with sandbox() as server:
        with pytest.raises(UsageError, match="the runs cannot be read: Not a directory"):
            await seed_async(_settings(server.url, runs=tmp_path / "file"))
        assert _posts(server) == 0


async def test_a_target_that_is_not_there_leaves_no_run_behind(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path, generation={"retries": {"max": 1}})
    with pytest.raises(UnreachableError):
        await seed_async(settings)
    assert list_runs(tmp_path) == []


async def test_a_run_that_was_torn_down_begins_anew(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await seed_async(settings)
        await teardown_async(settings, dry_run=True)
        assert find_run(tmp_path, build_plan(settings).run_id).read_record().status is RunStatus.FINISHED
        await teardown_async(settings, dry_run=False)
        assert find_run(tmp_path, build_plan(settings).run_id).read_record().status is RunStatus.REMOVED
        report = await seed_async(settings)
        assert report.exit_code == 0
        assert _made(report) == build_plan(settings).posts


def _refusing(url: str, token: str = "") -> Transport:
    """A server that finds every fifth account wrong."""
    seen = count()

    def answer(request: Request) -> Response | None:
        if request.method == "POST" and request.path.endswith("/accounts") and next(seen) % 5 == 3:
            return Response(400, {}, b'{"code":"0047","title":"Bad Request","message":"no such product"}')
        return None

    return InterceptingTransport(http_transport(url, token=token), answer)


async def test_what_is_refused_is_written_down_with_a_command_that_repeats_it(tmp_path: Path) -> None:
    async with sandbox(auth_token="s3cr3t") as server:
        settings = _settings(server.url, runs=tmp_path, target={"authToken": "s3cr3t"})
        report = await seed_async(settings, overrides={Transport: _refusing(server.url, "s3cr3t")})
        rejects = find_run(tmp_path, "").rejects()
        assert len(rejects) == report.failed_items_total > 0
        reject = rejects[0]
        assert reject["status"] == 400
        assert reject["request"]["method"] == "POST"
        assert orjson.loads(reject["request"]["body"])["alias"]
        assert reject["curl"].startswith(f"curl -sS -X POST {server.url}/v1/organizations/")
        assert '"Authorization: Bearer $TOKEN"' in reject["curl"]
    run = find_run(tmp_path, "").path
    assert all(b"s3cr3t" not in (run / name).read_bytes() for name in (RUN_RECORD, JOURNAL, REJECTS, REPORT))


async def test_after_the_fix_only_what_was_rejected_or_skipped_is_sent_and_everything_is_verified(
    tmp_path: Path, undisturbed: Balances
) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        first = await seed_async(settings, overrides={Transport: _refusing(server.url)})
        assert first.exit_code == 1
        second = await seed_async(settings)
        assert second.exit_code == 0, second.verdict
        assert _made(second) == build_plan(settings).posts - _made(first)
        assert await read_balances(server.url) == undisturbed
        assert find_run(tmp_path, second.run_id).rejects() == []


@pytest.mark.parametrize("posts", [46, 55, 62])
async def test_batches_are_resumed_like_single_movements(posts: int, tmp_path: Path, undisturbed: Balances) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path, batches={"transactionsPerBatch": 5})
        await run_until_killed(settings, posts, reaches=True)
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        assert await read_balances(server.url) == undisturbed


@pytest.mark.parametrize("dialect", ["v3.3", "v4"])
async def test_a_run_against_another_version_is_taken_up_too(
    dialect: str, tmp_path: Path, undisturbed: Balances
) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        settings = _settings(server.url, runs=tmp_path)
        await run_until_killed(settings, 120, reaches=True)
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        found = await read_balances(server.url)
        customers = {name: {a: v for a, v in rows.items() if a[0] != "@"} for name, rows in found.items()}
        assert customers == {name: {a: v for a, v in rows.items() if a[0] != "@"} for name, rows in undisturbed.items()}
