"""How busy this process itself was: without that, a slow client passes for a slow server."""

import re
import resource
import sys
from pathlib import Path

import anyio

from midaz_seed.engine.context import RunContext
from midaz_seed.reporting.report import ProcessReport

LOOK_EVERY_S = 0.1


async def watch_client_load(context: RunContext) -> None:
    """Note how late the event loop comes back, until the run ends."""
    while True:
        due_s = anyio.current_time() + LOOK_EVERY_S
        await anyio.sleep(LOOK_EVERY_S)
        context.findings.loop_lag.record(int((anyio.current_time() - due_s) * 1e6))


def measure_client_load(context: RunContext, *, elapsed_s: float, cpu_s: float) -> ProcessReport:
    """What this process took for the run so far, which was `elapsed_s` long; `cpu_s` of it is its CPU time."""
    return ProcessReport(
        cpu_percent=100 * cpu_s / elapsed_s if elapsed_s else 0.0,
        loop_lag_ms_p99=context.findings.loop_lag.percentile(99) / 1000,
        rss_mb_max=_rss_mb_max(),
    )


def process_cpu_s() -> float:
    """Seconds of CPU that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_mb_max() -> float:
    """Linux's ru_maxrss begins, in a new process, with what the process held that started it; VmHWM does not."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found is not None:
            return int(found[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
