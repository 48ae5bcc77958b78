"""What it costs to follow a run: client CPU with events, metrics and OpenTelemetry against without, taken in turn.

    .venv/bin/python benchmarks/telemetry.py [--preset small] [--rounds 5]

Each way runs once in every round, against one sandbox each. The metrics are scraped every 5 seconds, and the collector
gets them every 10; both readers are processes of their own. On a busy machine a run takes longer for the same CPU, so
it is read more often: the CPU of one scrape and of one line, which are printed too, do not depend on that. The program
fails when a way costs more than 10 % of the client's CPU.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from midaz_seed.cli.telemetry import telemetry
from midaz_seed.engine.client_load import process_cpu_s
from midaz_seed.event_loop import run_in_loop
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import PhaseFinished
from midaz_seed.reporting.outputs.prometheus import render_figures
from midaz_seed.runner import seed_async
from midaz_seed.sandbox.launch import sandbox_process
from midaz_seed.settings.model import Settings
from midaz_seed.telemetry.event_lines import line_of
from midaz_seed.telemetry.figures import figures_of

WAYS = ("off", "events", "metrics", "opentelemetry", "all")
COST_MAX = 1.1
SCRAPER = """
import sys, time, urllib.request
while True:
    urllib.request.urlopen(sys.argv[1], timeout=5).read()
    time.sleep(5)
"""
COLLECTOR = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def helper(source: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A reader in a process of its own."""
    command = [sys.executable, "-c", source, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


async def one(preset: str, way: str, collector: str) -> tuple[float, float]:
    """(CPU seconds of the client, CPU milliseconds of a scrape of its figures) of a verified run."""
    os.environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
    if way in ("opentelemetry", "all"):
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        events = str(Path(folder) / "events.ndjson") if way in ("events", "all") else None
        address = "127.0.0.1:0" if way in ("metrics", "all") else None
        observer = stack.enter_context(telemetry("run", events, address))
        if observer.metrics is not None:
            stack.enter_context(helper(SCRAPER, observer.metrics.url))
        async with sandbox_process() as (url, _):
            settings = Settings.model_validate(
                {"preset": preset, "target": {"baseUrl": url}, "journal": {"enabled": False}}
            )
            contexts = []

            async def watch(context: object) -> None:
                contexts.append(context)
                await observer.watch(context)

            before_s = process_cpu_s()
            report = await seed_async(settings, emit=observer.emit, watch=watch)
            lost = observer.finish(report)
            cpu_s = process_cpu_s() - before_s
    if report.exit_code or lost:
        sys.exit(f"{way}: {report.verdict} {lost}")
    return cpu_s, cpu_ms(lambda: render_figures(figures_of(contexts[0], 0.0, None)), 20)


def cpu_ms(function: Callable[[], object], times: int) -> float:
    """CPU milliseconds of a call."""
    started_s = time.thread_time()
    for _ in range(times):
        function()
    return (time.thread_time() - started_s) * 1000 / times


async def compare(preset: str, rounds: int) -> int:
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    reads_ms = []
    with helper(COLLECTOR) as collector:
        assert collector.stdout is not None
        url = f"http://127.0.0.1:{collector.stdout.readline().strip()}"
        for number in range(rounds + 1):
            for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
                cpu_s, read_ms = await one(preset, way, url)
                if number:  # the first round imports what the others use
                    found[way].append(cpu_s)
                    reads_ms.append(read_ms)
    print(f"\n{preset}, {rounds} runs of each way, in turn\n\nway              CPU s   of off")
    ratios = {
        way: statistics.median(own / off for own, off in zip(runs, found["off"], strict=True))
        for way, runs in found.items()
    }
    for way, runs in found.items():
        print(f"{way:<15}{statistics.median(runs):>7.2f}{ratios[way]:>9.3f}")
    event = PhaseFinished(Phase.TRANSFERS, "o1.l1", 1000, 0, 0, 1.5)
    line_ms = cpu_ms(lambda: line_of(event, at_s=1e9, since_s=1.0, run_id="s407d9cb9f0"), 2000)
    print(f"\nCPU of a scrape: {statistics.median(reads_ms):.1f} ms; of a line of events: {line_ms * 1000:.0f} us")
    return int(any(ratio > COST_MAX for ratio in ratios.values()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["OTEL_METRIC_EXPORT_INTERVAL"] = "10000"
    return run_in_loop(lambda: compare(arguments.preset, arguments.rounds))


if __name__ == "__main__":
    sys.exit(main())
