"""`runs serve`: the history of a runs directory over HTTP."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from midaz_seed.listening import listen
from midaz_seed.runs.directory import PAGE, RunDirectory
from midaz_seed.web.access import Access
from midaz_seed.web.history_app import history_app
from midaz_seed.web.serving import serving
from tests.support.cli import run_cli
from tests.support.runs_directory import HOSTILE, make_runs
from tools.chaos.processes import command_process


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("history")
    make_runs(root)
    return root


@pytest.fixture
async def url(runs: Path) -> AsyncIterator[str]:
    listening = listen("127.0.0.1:0", "runs serve", default_port=0)
    async with serving(history_app(runs, Access("", is_loopback=True)), listening):
        yield listening.url


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def directory_name(runs: Path, run_id: str) -> str:
    return next(path.name for path in runs.iterdir() if path.name.startswith(f"{run_id}_"))


async def text_of(session: aiohttp.ClientSession, url: str, status: int = 200) -> str:
    async with session.get(url) as answer:
        assert answer.status == status, await answer.text()
        return await answer.text()


async def test_the_list_has_every_run_and_damaged_ones_break_nothing(session: aiohttp.ClientSession, url: str) -> None:
    document = json.loads(await text_of(session, f"{url}runs.json"))
    assert document["schema_version"] == 1
    rows = {row["name"].split("_")[0]: row for row in document["runs"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "first": "finished",
        "second": "finished",
        "cut": "unfinished",
        "live": "cut off",  # no process owns it, so that its page is gone as well
        "broken": "damaged",
        HOSTILE: "damaged",
    }
    assert rows["broken"]["problem"] == "this is not a run record of midaz-seed"
    assert rows["live"]["page_url"] == ""
    assert "settings" not in rows["first"]
    page = await text_of(session, url)
    assert "6 of 6 runs" in page
    assert HOSTILE not in page, "a name or verdict is markup"
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


async def test_a_run_with_a_live_page_links_to_it_and_to_nothing_else(
    session: aiohttp.ClientSession, url: str, runs: Path
) -> None:
    directory = RunDirectory(runs / "live_server")
    page = directory / PAGE
    with directory.owned():
        assert 'href="http://127.0.0.1:8400/"' in await text_of(session, url)
        assert 'href="http://127.0.0.1:8400/"' in await text_of(session, f"{url}runs/live_server")
        for hostile in ("javascript:alert(1)", 'http://127.0.0.1:8400/" onclick=alert(1)//', "http://a/b", ""):
            page.write_text(hostile)
            assert "live page</a>" not in await text_of(session, url), hostile
            assert (await text_of(session, f"{url}runs/live_server")).count("Live page") == 0
        page.write_text("http://127.0.0.1:8400/\n")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("text=SECOND", {"second"}),
        ("status=damaged", {"broken", HOSTILE}),
        ("verdict=passed", {"first", "second"}),
        ("verdict=failed&scenario=classic&status=unfinished", {"cut"}),
        ("scenario=other", set()),
        ("text=every+balance+first", {"first"}),
    ],
)
async def test_the_list_is_filtered_by_text_status_verdict_and_scenario(
    session: aiohttp.ClientSession, url: str, query: str, names: set[str]
) -> None:
    document = json.loads(await text_of(session, f"{url}runs.json?{query}"))
    assert {row["name"].split("_")[0] for row in document["runs"]} == names
    assert f"{len(names)} of 6 runs" in await text_of(session, f"{url}?{query}&page=999")


async def test_a_run_opens_as_its_report_or_as_what_its_record_holds(
    session: aiohttp.ClientSession, url: str, runs: Path
) -> None:
    name = directory_name(runs, "first")
    async with session.get(f"{url}runs/{name}") as answer:
        page = await answer.text()
        assert "<title>Verified: run first</title>" in page
        assert '<a class="on-screen" href="/">All runs</a>' in page
        assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    without = await text_of(session, f"{url}runs/cut_server")
    assert "It has no report that this version can read" in without
    assert HOSTILE not in without
    assert "Damaged" in await text_of(session, f"{url}runs/{HOSTILE.replace(' ', '%20')}")


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "..%2f..%2fetc", "%2fetc", "outside", "first_x%00", "first_x%2freport.json", "no"],
)
async def test_only_the_runs_of_the_directory_can_be_opened(
    session: aiohttp.ClientSession, url: str, name: str
) -> None:
    from yarl import URL

    async with session.get(URL(f"{url}runs/{name}", encoded=True)) as answer:
        assert answer.status in (400, 404)
    async with session.get(URL(f"{url}compare?run={name}&run=cut_server", encoded=True)) as answer:
        assert answer.status == 400


async def test_two_runs_are_compared_by_figures_charts_and_settings(
    session: aiohttp.ClientSession, url: str, runs: Path
) -> None:
    first, second = directory_name(runs, "first"), directory_name(runs, "second")
    page = await text_of(session, f"{url}compare?run={first}&run={second}")
    for text in (
        "The plan differs:",
        "Movements/s",
        "transfers p99",
        "generation.limits.maxConcurrency",
        ">16<",
        ">2<",
    ):
        assert text in page
    model = json.loads(page.split('id="chart-data">')[1].split("</script>")[0])
    views = {(chart["id"], view["label"]): view for chart in model["charts"] for view in chart["views"]}
    assert {"throughput", "latency", "distribution", "percentiles"} <= {chart for chart, _ in views}
    for view in views.values():
        axis = view["x"]
        places = axis["count"] if axis["kind"] == "time" else len(axis.get("edges", ())[1:] or axis["values"])
        assert all(len(series["values"]) == places for series in view["series"])
    labels = {series["label"] for series in views["throughput", ""]["series"]}
    assert labels == {"A movements", "B movements", "A requests", "B requests"}
    damaged = await text_of(session, f"{url}compare?run={first}&run=broken")
    assert "Run B has no report that can be read." in damaged
    for query in ("", f"run={first}", f"run={first}&run={second}&run=cut_server"):
        await text_of(session, f"{url}compare?{query}", 400)


async def test_the_command_requires_its_token_and_ends_with_ctrl_c_also_while_a_browser_is_connected(
    runs: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("given-for-this-page-0123456789\n")
    arguments = ("runs", "serve", "127.0.0.1:0", "--runs-dir", str(runs), "--web-token-file", str(secret))
    async with command_process(*arguments) as process:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith("runs listening on http://127.0.0.1:")
        address = line.split()[-1]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{address}runs.json") as answer:
                assert answer.status == 401
            given = {"Authorization": "Bearer given-for-this-page-0123456789"}
            async with session.get(f"{address}runs.json", headers=given) as answer:
                assert len((await answer.json())["runs"]) == 6
            async with session.post(f"{address}stop", headers={"X-Midaz-Seed-Action": "stop", **given}) as answer:
                assert answer.status == 404, "it changes nothing"
            process.send_signal(signal.SIGINT)
            _, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, err) == (0, b"")


def test_a_directory_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    called = run_cli("runs", "serve", ":0", "--runs-dir", str(file))
    assert called.returncode == 2
    assert "the runs cannot be read" in called.stderr


async def test_a_pipe_in_place_of_a_report_does_not_block_the_server(
    session: aiohttp.ClientSession, url: str, runs: Path
) -> None:
    os.mkfifo(runs / "cut_server" / "report.json")
    try:
        assert "cut" in await text_of(session, f"{url}runs/cut_server")
    finally:
        (runs / "cut_server" / "report.json").unlink()


async def test_a_killed_run_does_not_show_the_report_of_its_earlier_session_as_its_own(
    session: aiohttp.ClientSession, url: str, runs: Path
) -> None:
    copy = runs / "live_server" / "report.json"
    copy.write_bytes((runs / directory_name(runs, "first") / "report.json").read_bytes())
    try:
        page = await text_of(session, f"{url}runs/live_server")
    finally:
        copy.unlink()
    assert "Cut off" in page
    assert "Its earlier session: " in page
    assert "The report is made at the end of a session." in page
