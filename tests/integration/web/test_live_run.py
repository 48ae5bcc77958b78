"""The live page of a run, as a process: watch, stop, resume, end."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from midaz_seed.runs.directory import PAGE
from tests.support.event_stream import event_stream
from tools.chaos.processes import UNMEASURED_ENVIRONMENT, command_process

pytestmark = pytest.mark.slow

STOP = {"X-Midaz-Seed-Action": "stop"}
GENERATED = re.compile(r"token of the page: (\S+)")


@asynccontextmanager
async def run_with_page(
    folder: Path, *arguments: str, address: str = "127.0.0.1:0", environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, list[str]]]:
    """Start a run with a live page; yield the process, the address of the page and what it printed before it."""
    command = ["run", "--target", "sandbox", "--sandbox-data", str(folder / "sandbox.db"), "--runs-dir", str(folder)]
    variables = {**UNMEASURED_ENVIRONMENT, **(environment or {})}
    async with command_process(*command, "--web", address, *arguments, environment=variables) as process:
        assert process.stderr is not None
        lines: list[str] = []
        while (line := (await process.stderr.readline()).decode()).startswith(("token", "live page")):
            lines.append(line)
            if line.startswith("live page"):
                break
        assert lines, line
        yield process, lines[-1].split()[-1].replace("0.0.0.0", "127.0.0.1"), lines


async def test_a_run_is_watched_stopped_from_its_page_and_resumed(tmp_path: Path) -> None:
    volume = ("--preset", "tiny", "--set", "volume.transactionsPerAccount=200", "--concurrency", "4")
    async with (
        run_with_page(tmp_path, *volume, "--rate", "50", "--json") as (process, url, _),
        aiohttp.ClientSession() as session,
    ):
        async with event_stream(session, url) as stream:
            first = await stream.next()
            assert first is not None
            assert first.name == "snapshot"
            while not stream.state["run"] or not stream.state["charts"]["charts"]:
                await stream.next()
            update = await stream.until("update")
            assert "run" not in update.data, "an update has only what has changed"
            assert len(json.dumps(update.data)) < len(json.dumps(stream.state))
        await _check_other_routes(session, url, run_id=stream.state["run"]["id"])
        address = Path(stream.state["run"]["directory"]) / PAGE
        assert address.read_text() == f"{url}\n", "`runs serve` finds the page by it"
        async with event_stream(session, url, last_id=stream.last_id) as again:
            resumed = await again.next()
            assert resumed is not None
            assert resumed.name == "update", "the messages that were missed, and not the whole state"
        host, port = url.removeprefix("http://").strip("/").split(":")
        _, not_reading = await asyncio.open_connection(host, int(port), limit=1)
        not_reading.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with event_stream(session, url) as watching:
            await watching.next()
            for _ in range(2):  # the second one does not cut off what is in flight
                async with session.post(f"{url}stop", headers=STOP) as answer:
                    assert (answer.status, await answer.json()) == (202, {"status": "stopping"})
            end = await watching.until("end")
            assert end.data["result"]["exit_code"] == 130
            assert end.data["result"]["verdict"].startswith("Interrupted by the live page; what was in flight was")
            assert end.data["result"]["report_file"] == str(address.with_name("report.html"))
            assert await watching.next() is None
            async with session.get(f"{url}report") as answer:  # asked for at once, it is still served
                assert answer.status == 200
                assert "sandbox allow-scripts" in answer.headers["Content-Security-Policy"]
                assert "Interrupted by the live page" in await answer.text()
        out, _ = await process.communicate()
        not_reading.close()
    assert process.returncode == 130
    assert not address.exists()
    assert json.loads(out)["verdict"] == watching.state["result"]["verdict"]
    async with (
        run_with_page(tmp_path, *volume, "--shards", "2") as (process, url, _),
        aiohttp.ClientSession() as session,
        event_stream(session, url) as stream,
    ):
        end = await stream.until("end")
        charts = {chart["id"]: chart for chart in stream.state["charts"]["charts"]}
        await process.communicate()
    assert process.returncode == 0
    assert end.data["result"]["verdict"] == "Done: every balance is the planned one."
    assert stream.state["run"]["session"] == 2
    assert {ledger["status"] for ledger in stream.state["ledgers"].values()} == {"done"}
    (movements,) = (row["values"] for row in charts["throughput"]["views"][0]["series"] if row["label"] == "movements")
    assert sum(movements) > 0, "the charts lack what the shards have sent"


async def _check_other_routes(session: aiohttp.ClientSession, url: str, *, run_id: str) -> None:
    """Check the state, the health, and that nothing but the page's own request stops the run."""
    async with session.get(f"{url}state.json") as answer:
        state = await answer.json()
        assert (state["status"], state["run"]["id"]) == ("running", run_id)
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    async with session.get(url) as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    other_site = {"Origin": "http://evil.example", **STOP}
    refused = [
        ("GET", "", {"Host": "evil.example"}, 421),
        ("GET", "events", {"Host": "evil.example:80"}, 421),
        ("POST", "stop", {}, 403),
        ("POST", "stop", other_site, 403),
        ("POST", "stop", {"Origin": "null", **STOP}, 403),
        ("POST", "stop", {"Sec-Fetch-Site": "cross-site", **STOP}, 403),
        ("POST", "stop", {"Host": "evil.example", **STOP}, 421),
        ("GET", "stop", STOP, 405),
        ("GET", "report", {}, 404),
        ("GET", "../../etc/passwd", {}, 404),
    ]
    for method, path, headers, status in refused:
        async with session.request(method, f"{url}{path}", headers=headers) as answer:
            assert answer.status == status, (method, path, headers)
    async with session.get(f"{url}healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_a_page_for_other_machines_requires_its_token_and_stays_as_long_as_is_given(
    tmp_path: Path,
) -> None:
    arguments = ("--preset", "tiny", "--log-format", "json", "--json", "--web-linger", "60")
    async with (
        run_with_page(tmp_path, *arguments, address="0.0.0.0:0") as (process, url, printed),
        aiohttp.ClientSession() as session,
    ):
        found = GENERATED.search("".join(printed))
        assert found is not None
        token = found[1]
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Authorization": f"Basic {token}"}, 401),
            ({"Authorization": f"Bearer {token}é"}, 401),
            ({"Cookie": f"midaz_seed_{url.split(':')[-1].strip('/')}={token}"}, 401),
            ({"Authorization": f"Bearer {token}"}, 200),
            ({"Authorization": f"Bearer {token}", "Host": "seed.example"}, 200),
        ):
            async with session.get(f"{url}state.json", headers=headers) as answer:
                assert answer.status == status, headers
        for path in ("", "events", "report", "stop"):
            async with session.get(f"{url}{path}?token={token}") as answer:
                assert answer.status == 401, "a token in a URL ends up in logs"
        async with session.post(f"{url}stop", headers=STOP) as answer:
            assert answer.status == 401
        await _log_in(url, token)
        by_token = {"Authorization": f"bearer {token}"}
        async with event_stream(session, url, headers=by_token) as stream:
            while not stream.state or not stream.state["result"]:
                await stream.next()
        async with session.get(f"{url}report", headers=by_token) as answer:
            assert answer.status == 200
        async with session.post(f"{url}stop", headers={**STOP, **by_token}) as answer:
            assert (answer.status, await answer.json()) == (409, {"status": "ended"})
        process.send_signal(signal.SIGINT)  # it ends the page; the run was done
        out, err = await process.communicate()
    assert process.returncode == 0, err
    texts = await asyncio.to_thread(_files_below, tmp_path)
    for name, text in {"stdout": out, "stderr": err, **texts}.items():
        assert token.encode() not in text, f"the token is in {name}"


def _files_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def _log_in(url: str, token: str) -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # it would drop the cookies of an address
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as session:
        async with session.get(url) as answer:
            assert answer.status == 401
            assert 'action="/login"' in await answer.text()
        async with session.post(f"{url}login", data={"token": "wrong"}) as answer:
            assert answer.status == 401
            assert "This is not the token." in await answer.text()
        async with session.post(f"{url}login", data={"token": token}, headers={"Origin": "http://a.example"}) as answer:
            assert answer.status == 403
        async with session.post(f"{url}login", data={"token": token}, allow_redirects=False) as answer:
            assert answer.status == 303
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert token not in cookie
        async with session.get(f"{url}state.json") as answer:
            assert answer.status == 200
