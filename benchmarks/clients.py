"""HTTP clients side by side: the same transfers to the same durable sandbox, in interleaved rounds.

    python benchmarks/clients.py [--count 5000] [--rounds 3] [--concurrency 64]

The bodies are made beforehand and every client only looks whether the status is 201, except the engine (the last row),
which makes each item, keys it, passes breaker and limiter, measures, classifies, checks that the answer is its own,
counts, and ends with the proof of every balance. httpx and locust are measured where they are installed
(`pip install --group bench`), wrk where it is on the path.
"""

import argparse
import asyncio
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import orjson
from measuring import (
    Measure,
    Post,
    Sandbox,
    forget_the_past,
    measured,
    median,
    one_ledger,
    print_machine,
    print_table,
    raw,
    sandbox,
    transfers,
)

from midaz_seed.event_loop import run_in_loop
from midaz_seed.midaz.api import transaction_request
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Event, PhaseFinished, PhaseStarted
from midaz_seed.runner import seed_async
from midaz_seed.transport.httptools_transport import HttptoolsTransport

Send = Callable[[], Awaitable[int]]
_ACCOUNTS = 200


async def _by_workers(posts: Sequence[Post], workers: int, send: Callable[[Post], Awaitable[int]]) -> int:
    """So many tasks take the requests in turn; gives how many were answered with 201."""
    waiting, good = iter(posts), 0

    async def worker() -> None:
        nonlocal good
        for post in waiting:
            status = await send(post)  # on a line of its own: `good +=` would read `good` before it waits
            good += status == 201

    await asyncio.gather(*[worker() for _ in range(workers)])
    return good


async def wire(url: str, posts: Sequence[Post], concurrency: int) -> Send:
    """Our data plane alone."""

    async def send() -> int:
        plane = HttptoolsTransport(url, url, headers={}, request_timeout_s=30, connect_timeout_s=5)

        async def one(post: Post) -> int:
            return (await plane.send(transaction_request(post.path, post.body, post.key, "300"))).status

        try:
            return await _by_workers(posts, concurrency, one)
        finally:
            await plane.aclose()

    return send


async def aiohttp_tuned(url: str, posts: Sequence[Post], concurrency: int) -> Send:
    """One session without limits or name look-ups; bytes as bodies."""

    async def send() -> int:
        connector = aiohttp.TCPConnector(limit=0, use_dns_cache=True)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, auto_decompress=False
        ) as session:

            async def one(post: Post) -> int:
                async with session.post(url + post.path, data=post.body, headers=post.headers) as answer:
                    await answer.read()
                    return answer.status

            return await _by_workers(posts, concurrency, one)

    return send


async def aiohttp_naive(url: str, posts: Sequence[Post], concurrency: int) -> Send:
    """A session as the first page of its manual shows it: `json=` in, `json()` out."""
    bodies = {post.key: orjson.loads(post.body) for post in posts}

    async def send() -> int:
        async with aiohttp.ClientSession() as session:

            async def one(post: Post) -> int:
                headers = {"X-Idempotency": post.key}
                async with session.post(url + post.path, json=bodies[post.key], headers=headers) as answer:
                    await answer.json()
                    return answer.status

            return await _by_workers(posts, concurrency, one)

    return send


async def httpx_client(url: str, posts: Sequence[Post], concurrency: int) -> Send:
    """One AsyncClient with bytes as bodies."""
    import httpx

    async def send() -> int:
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:

            async def one(post: Post) -> int:
                return (await client.post(url + post.path, content=post.body, headers=post.headers)).status_code

            return await _by_workers(posts, concurrency, one)

    return send


async def in_loop(make: Callable[..., Awaitable[Send]], server: Sandbox, posts: list[Post], workers: int) -> Measure:
    """A round of a client that runs in this program's event loop."""
    return await measured(server, len(posts), await make(server.url, posts, workers))


async def locust_round(server: Sandbox, posts: list[Post], concurrency: int) -> Measure:
    """A round of locust's FastHttpUser, in a process of its own because gevent changes the whole program."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(orjson.dumps([[post.path, post.body.decode(), post.headers] for post in posts]))
        file.flush()
        script = Path(__file__).with_name("locust_client.py")
        cpu_0 = server.cpu_s()
        done = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this loop meanwhile
            [sys.executable, str(script), server.url, file.name, str(concurrency)], capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"locust did not end well: {done.stderr.decode()[-2000:]}")
        told = orjson.loads(done.stdout)
    if told["good"] != len(posts):
        raise SystemExit(f"locust: {told['good']} of {len(posts)} requests were answered with 201")
    return Measure(len(posts), told["wall_s"], told["cpu_s"], server.cpu_s() - cpu_0)


_WRK_SCRIPT = """
local requests, place = {}, 0
for line in io.lines(os.getenv("REQUESTS")) do
  local path, key, body = line:match("^(%S+) (%S+) (.*)$")
  local headers = {["Content-Type"] = "application/json", ["X-Idempotency"] = key}
  requests[#requests + 1] = wrk.format("POST", path, headers, body)
end
function request()
  place = place % #requests + 1
  return requests[place]
end
function done(summary, latency, all)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %d %d %f\\n", summary.requests, bad, summary.duration / 1e6))
end
"""


async def wrk_round(server: Sandbox, posts: list[Post], concurrency: int) -> Measure:
    """Two seconds of wrk, which cannot send a given number: those it sends again are replays, and answered alike."""
    import resource

    with tempfile.TemporaryDirectory() as folder:
        script, requests = Path(folder) / "wrk.lua", Path(folder) / "requests"
        script.write_text(_WRK_SCRIPT)
        requests.write_text("".join(f"{post.path} {post.key} {post.body.decode()}\n" for post in posts))
        command = ["wrk", "-t1", f"-c{concurrency}", "-d2s", "-s", str(script), server.url]
        cpu_0, before = server.cpu_s(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this loop meanwhile
            command, capture_output=True, text=True, check=True, env={"REQUESTS": str(requests)}, executable=_WRK
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    count, bad, wall_s = done.stdout.rpartition("RESULT ")[2].split()
    if int(bad):
        raise SystemExit(f"wrk: {bad} of {count} requests failed")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measure(int(count), float(wall_s), cpu_s, server.cpu_s() - cpu_0)


_WRK = shutil.which("wrk")


async def engine_round(server: Sandbox, count: int, concurrency: int, run_id: str) -> Measure:
    """A whole run; measured is its transfer phase. Ends the program unless every balance is proved."""
    marks: dict[str, tuple[float, float, float]] = {}

    def emit(event: Event) -> None:
        if isinstance(event, PhaseStarted | PhaseFinished) and event.phase is Phase.TRANSFERS:
            marks[type(event).__name__] = (time.perf_counter(), time.process_time(), server.cpu_s())

    each = -(-count // _ACCOUNTS)
    chosen = one_ledger(
        server.url,
        run_id,
        accounts=_ACCOUNTS,
        transactions_per_account=each + 1,
        concurrency=concurrency,
        journal=server.folder,
    )
    forget_the_past()
    report = await seed_async(chosen, emit=emit)
    if report.exit_code or report.proof is None or not report.proof.ok:
        raise SystemExit(f"the engine's round did not end as planned: {report.verdict}")
    (wall_0, client_0, server_0), (wall_1, client_1, server_1) = marks["PhaseStarted"], marks["PhaseFinished"]
    return Measure(_ACCOUNTS * each, wall_1 - wall_0, client_1 - client_0, server_1 - server_0)


async def main(options: argparse.Namespace) -> None:
    in_this_loop = {
        "raw asyncio Protocol": raw,
        "our data plane (wire transport)": wire,
        "aiohttp, tuned": aiohttp_tuned,
        "aiohttp, naive (`json=`)": aiohttp_naive,
    }
    if importlib.util.find_spec("httpx"):
        in_this_loop["httpx"] = httpx_client
    found: dict[str, list[Measure]] = {}
    for number in range(options.rounds):
        with sandbox() as server:  # a new one each round: all clients of a round meet the same ledger sizes
            for place, (name, make) in enumerate(in_this_loop.items()):
                count = min(options.count, 1_000) if name == "httpx" else options.count
                posts = await transfers(server.url, f"c{number}-{place}", accounts=_ACCOUNTS, count=count)
                found.setdefault(name, []).append(await in_loop(make, server, posts, options.concurrency))
            if importlib.util.find_spec("locust"):
                posts = await transfers(server.url, f"l{number}", accounts=_ACCOUNTS, count=options.count)
                found.setdefault("locust FastHttpUser", []).append(
                    await locust_round(server, posts, options.concurrency)
                )
            if _WRK:
                posts = await transfers(server.url, f"w{number}", accounts=_ACCOUNTS, count=options.count)
                found.setdefault("wrk (with replays)", []).append(await wrk_round(server, posts, options.concurrency))
            found.setdefault("**the whole engine**", []).append(
                await engine_round(server, options.count, options.concurrency, f"e{number}")
            )
    print_machine("aiohttp", "httptools", "uvloop", "httpx", "locust")
    base = median(found["raw asyncio Protocol"], "client_us")
    print_table(
        ["client", "client CPU us a request", "times raw", "requests/s seen", "server CPU us"],
        [
            [
                name,
                f"{median(measures, 'client_us'):.1f}",
                f"{median(measures, 'client_us') / base:.1f}",
                f"{median(measures, 'rate_per_s'):,.0f}",
                f"{median(measures, 'server_us'):.1f}",
            ]
            for name, measures in found.items()
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=64)
    arguments = parser.parse_args()
    run_in_loop(lambda: main(arguments))
