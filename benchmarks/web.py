"""What the live page costs a run: without it, and with 0, 1 and 100 watchers and one that does not read, taken in turn.

    .venv/bin/python benchmarks/web.py [--rounds 5] [--transactions 40]

Prints the CPU of the page alone for each second of a run. Then, for runs of each kind, movements a second and CPU of
the run's process for a movement, also as ratios to the run without a page: the median over the rounds of the ratio
within a round. The watchers are in a process of their own, which reads and discards. The server is the embedded one,
in another process.
"""

import argparse
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from urllib.parse import urlsplit

from midaz_seed.event_loop import run_in_loop
from midaz_seed.listening import listen
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.time_series import PhaseWindow, Window
from midaz_seed.runner import ignore_event, seed_async
from midaz_seed.sandbox.launch import sandbox_process
from midaz_seed.settings.model import Settings
from midaz_seed.web.access import Access
from midaz_seed.web.broadcast import Broadcast
from midaz_seed.web.live_app import live_app
from midaz_seed.web.live_page import LivePage
from midaz_seed.web.live_series import NewWindows
from midaz_seed.web.serving import ServerThread

WITHOUT, STALLED = "no page", "1 does not read"
MODES = {WITHOUT: (0, 0), "0 watchers": (0, 0), "1 watcher": (1, 0), "100 watchers": (100, 0), STALLED: (0, 1)}
"""Name -> watchers that read, watchers that do not."""
CONNECTING_S = 1.0
"""Time for the watchers to get their first message, which is not measured."""
SECONDS = 30
"""Seconds of a run that are measured; here they take a tenth."""


def watch(url: str, readers: int, stalled: int) -> None:
    """Connect watchers, print a line, and read until the page ends."""
    parts = urlsplit(url)
    selector = selectors.DefaultSelector()
    kept = []
    for number in range(readers + stalled):
        connection = socket.create_connection((parts.hostname, parts.port))
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        kept.append(connection)
        if number < readers:
            selector.register(connection, selectors.EVENT_READ)
    print("ready", flush=True)
    while selector.get_map():
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            try:
                data = key.fileobj.recv(1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                selector.unregister(key.fileobj)
    sys.stdin.read()


@contextmanager
def watched(url: str, readers: int, stalled: int) -> Iterator[None]:
    """Watch the page from another process for the duration of the block."""
    command = [sys.executable, __file__, "--watch", url, str(readers), str(stalled)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.terminate()


async def one(mode: str, transactions: int) -> tuple[float, float]:
    """(Movements a second, CPU microseconds a movement) of one verified run."""
    readers, stalled = MODES[mode]
    async with sandbox_process() as (url, _):
        settings = Settings.model_validate(
            {
                "preset": "small",
                "target": {"baseUrl": url},
                "volume": {"transactionsPerAccount": transactions},
                "journal": {"enabled": False},
            }
        )
        page: AbstractContextManager[LivePage | None] = nullcontext()
        if mode != WITHOUT:
            page = LivePage(listen("127.0.0.1:0", "--web", default_port=0))
        with page as live, watched(live.url, readers, stalled) if live and readers + stalled else nullcontext():
            before = resource.getrusage(resource.RUSAGE_SELF)
            report = await seed_async(
                settings, emit=live.emit if live else ignore_event, watch=live.watch if live else None
            )
            after = resource.getrusage(resource.RUSAGE_SELF)
    if report.exit_code or report.proof is None or not report.proof.ok:
        sys.exit(f"the run was not verified: {report.verdict}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report.movements_per_s, cpu_s / report.movements * 1e6


def each_second(watchers: int, windows: int) -> float:
    """CPU milliseconds of the page for each second of a run, with ten ledgers that change, after so many windows."""
    listening = listen("127.0.0.1:0", "--web", default_port=0)
    broadcast = Broadcast()
    app = live_app(broadcast, Access("", is_loopback=True), stop=lambda: False, report=_no_report)
    server = ServerThread(app, listening)
    server.start()
    series = [_window(number) for number in range(windows)]
    with watched(listening.url, watchers, 0) if watchers else nullcontext():
        server.call(broadcast.publish, {"figures": {"elapsed_s": windows}}, NewWindows(0, 1.0, series))
        time.sleep(1)
        before_s = time.process_time()
        for number in range(SECONDS):
            series.append(_window(number))
            ledgers = {f"o1.l{key}": {"status": "running", "phase": "transfers", "done": number} for key in range(10)}
            update = {"figures": {"elapsed_s": windows + number}, "ledgers": ledgers}
            first = len(series) - 2
            server.call(broadcast.publish, update, NewWindows(first, 1.0, series[first:]))
            time.sleep(0.1)
        used_s = time.process_time() - before_s
    server.stop()
    return used_s / SECONDS * 1000


def _window(number: int) -> Window:
    latency = {100 + (bucket * 7 + number) % 90: 20 for bucket in range(40)}
    phase = PhaseWindow(created=1000, movements=1000, requests=1000, ledgers=4, latency=latency)
    return Window({Phase.TRANSFERS: phase}, in_flight=16, cpu_s=0.3)


async def _no_report() -> None:
    return None


async def compare(rounds: int, transactions: int) -> None:
    """Run every mode in each round, in another order each time, and print the table."""
    await one(WITHOUT, 20)
    found: dict[str, list[tuple[float, float]]] = {mode: [] for mode in MODES}
    for number in range(rounds):
        names = list(MODES)
        for mode in names[number % len(names) :] + names[: number % len(names)]:
            found[mode].append(await one(mode, transactions))
    print(f"{rounds} rounds\n\n| page | movements/s | ratio | CPU us/movement | ratio |\n|---|---:|---:|---:|---:|")
    for mode, measured in found.items():
        rate, cpu_us = (statistics.median(column) for column in zip(*measured, strict=True))
        pairs = list(zip(measured, found[WITHOUT], strict=True))
        rates = statistics.median(own[0] / other[0] for own, other in pairs)
        cpus = statistics.median(own[1] / other[1] for own, other in pairs)
        print(f"| {mode} | {rate:,.0f} | {rates:.3f} | {cpu_us:,.0f} | {cpus:.3f} |")


def main() -> None:
    """Measure, or watch for the process that measures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--transactions", type=int, default=40)
    parser.add_argument("--watch", nargs=3)
    arguments = parser.parse_args()
    if arguments.watch:
        url, readers, stalled = arguments.watch
        watch(url, int(readers), int(stalled))
        return
    print("| watchers | CPU ms of the page per second, after 60 windows | after 200 |\n|---:|---:|---:|")
    for watchers in (0, 1, 100):
        print(f"| {watchers} | {each_second(watchers, 60):.1f} | {each_second(watchers, 200):.1f} |", flush=True)
    run_in_loop(lambda: compare(arguments.rounds, arguments.transactions))


if __name__ == "__main__":
    main()
