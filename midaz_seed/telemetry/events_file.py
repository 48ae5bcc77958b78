"""`--events`: every event of a run as a line of JSON, as it happens, and its progress every few seconds."""

from importlib.metadata import version
from pathlib import Path

from midaz_seed.clock import Clock, SystemClock
from midaz_seed.engine.context import RunContext
from midaz_seed.reporting.events import Event, RunFinished, RunStarted
from midaz_seed.telemetry import CLOSE_S
from midaz_seed.telemetry.event_lines import SCHEMA_VERSION, Header, Line, Progress, line_of
from midaz_seed.telemetry.line_writer import LineWriter

PROGRESS_EVERY_S = 5.0


class EventsFile:
    """Writes the events of a run; an observer of it."""

    def __init__(
        self, path: Path | None, command: str, clock: Clock | None = None, *, progress_every_s: float = PROGRESS_EVERY_S
    ) -> None:
        """Open the file and write the header.

        Args:
            path: the file; None: stdout.
            command: `run`, `retry` or `verify`.
            clock: gives the times.
            progress_every_s: seconds between the lines with the progress.

        Raises:
            OutputError: the file cannot be written.
        """
        self._clock = clock or SystemClock()
        self._started_s = self._clock.monotonic()
        self._run_id = ""
        self._progress_every_s = progress_every_s
        self._writer = LineWriter(path)
        self._finished: RunFinished | None = None
        self._write(Header(SCHEMA_VERSION, version("midaz-seed"), command))

    def emit(self, event: Event) -> None:
        """Write an event. The end of the run is kept until `close`: the exit code can still change."""
        if isinstance(event, RunFinished):
            self._finished = event
            return
        if isinstance(event, RunStarted):
            self._run_id = event.run_id
        self._write(event)

    async def watch(self, context: RunContext) -> None:
        """Write the progress until cancelled, and once more then."""
        self._run_id = context.plan.run_id
        before, before_s = (0, 0, 0), self._clock.monotonic()
        try:
            while True:
                await self._clock.sleep(self._progress_every_s)
                before, before_s = self._write_progress(context, before, before_s)
        finally:
            self._write_progress(context, before, before_s)

    def close(self, exit_code: int, verdict: str, next_step: str, wait_s: float = CLOSE_S) -> str:
        """Write the last line, `run_finished`, and stop.

        Args:
            exit_code: that of the process.
            verdict: the result, or the error, in a sentence.
            next_step: what to do next; "" when there is nothing to do.
            wait_s: seconds to wait at most for a slow reader.

        Returns:
            What was lost, as a clause; "" when nothing was.
        """
        elapsed_s = self._finished.elapsed_s if self._finished is not None else self._since_s()
        return self._writer.close(self._line(RunFinished(exit_code, elapsed_s, verdict, next_step)), wait_s)

    def _write(self, line: Line) -> None:
        self._writer.write(self._line(line))

    def _line(self, line: Line) -> bytes:
        return line_of(line, at_s=self._clock.time(), since_s=self._since_s(), run_id=self._run_id)

    def _since_s(self) -> float:
        return self._clock.monotonic() - self._started_s

    def _write_progress(
        self, context: RunContext, before: tuple[int, int, int], before_s: float
    ) -> tuple[tuple[int, int, int], float]:
        """Write a progress line with the rates since the one before. Return its counts and its time."""
        meter, now_s = context.meter, self._clock.monotonic()
        movements = sum(phase.movements for phase in meter.phases.values())
        counts = meter.finished, movements, meter.requests
        span_s = now_s - before_s
        rates = [(count - old) / span_s if span_s > 0 else 0.0 for count, old in zip(counts, before, strict=True)]
        self._write(
            Progress(
                done=meter.finished,
                planned=meter.planned,
                failed=meter.failed,
                movements=movements,
                requests=meter.requests,
                in_flight=meter.in_flight,
                items_per_s=rates[0],
                movements_per_s=rates[1],
                requests_per_s=rates[2],
                breaker=context.sender.breaker.state.value,
                ledgers=len(context.state.ledgers),
                verified_ledgers=len(context.results.verifications),
            )
        )
        return counts, now_s
