"""Client CPU, memory and event-loop lag, to distinguish a slow client from a slow server."""

import re
import resource
import sys
from pathlib import Path

import anyio

from midaz_seed.engine.context import RunContext
from midaz_seed.reporting.report_figures import ProcessReport

SAMPLE_EVERY_S = 0.1


async def watch_client_load(context: RunContext) -> None:
    """Record the lag of the event loop until cancelled."""
    while True:
        due_s = anyio.current_time() + SAMPLE_EVERY_S
        await anyio.sleep(SAMPLE_EVERY_S)
        context.findings.loop_lag.record(int((anyio.current_time() - due_s) * 1e6))


def measure_client_load(context: RunContext, *, elapsed_s: float, cpu_s: float) -> ProcessReport:
    """Return the load of this process.

    Args:
        elapsed_s: length of the run so far.
        cpu_s: CPU time that this process used in it.
    """
    return ProcessReport(
        cpu_percent=100 * cpu_s / elapsed_s if elapsed_s else 0.0,
        loop_lag_ms_p99=context.findings.loop_lag.percentile(99) / 1000,
        rss_mb_max=_rss_mb_max(),
    )


def process_cpu_s() -> float:
    """Return the CPU time of this process, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_mb_max() -> float:
    """Return the peak resident memory in MB.

    On Linux ru_maxrss of a new process starts at the value of its parent process; VmHWM does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found is not None:
            return int(found[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
