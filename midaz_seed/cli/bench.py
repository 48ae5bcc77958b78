"""`midaz-seed bench`: measure the cases of a scenario, and variants of the settings."""

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.flags import BENCH
from midaz_seed.cli.options import LoadedSettings, SectionedCommand, bench_options, settings_options
from midaz_seed.cli.outputs import junit_option, summarize_bench_for_github, write_bench_outputs
from midaz_seed.cli.status_line import StatusLine

if TYPE_CHECKING:
    from pathlib import Path

    from midaz_seed.bench.options import BenchStep
    from midaz_seed.bench.report import BenchReport
    from midaz_seed.engine.context import RunContext
    from midaz_seed.settings.model import Settings

SHOW_EVERY_S, PROGRESS_WIDTH = 0.5, 60
"""Time between two updates of the progress, and its columns beside the name of the run."""


class _BenchOption(click.Option):
    """A flag under the heading of the benchmark."""

    section = BENCH


class _Time(click.ParamType):  # type: ignore[type-arg]
    """A time such as 30s, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from pydantic import TypeAdapter, ValidationError

        from midaz_seed.settings.values import Duration

        try:
            return float(TypeAdapter(Duration).validate_python(value))
        except (ValidationError, ValueError):
            self.fail(f"{str(value)!r} is not a time, such as 90s, 10m or 2h", param, ctx)


@click.command(
    cls=SectionedCommand,
    epilog="Exit codes: 0 all runs are proved; 1 a balance differs; 2 usage; 3 target; 4 settlement; 5 a threshold "
    "failed; 130/143 interrupted, what was measured is kept.",
)
@settings_options
@bench_options
@click.option(
    "--case",
    "cases",
    cls=_BenchOption,
    metavar="NAME",
    multiple=True,
    help="A case of the scenario. Repeatable [default: all]",
)
@click.option(
    "--variant",
    "variants",
    cls=_BenchOption,
    metavar="'KEY=VALUE ...'",
    multiple=True,
    help="Settings to compare, such as 'c=8' or 'c=8 transport=session': flags without hyphens, or paths of settings. "
    "Repeatable",
)
@click.option(
    "--repetitions",
    "-n",
    cls=_BenchOption,
    type=click.IntRange(1, 1000),
    metavar="N",
    default=3,
    help="Counted runs of each case with each variant [default: 3]",
)
@click.option(
    "--duration",
    "duration_s",
    cls=_BenchOption,
    type=_Time(),
    metavar="TIME",
    default=0.0,
    help="Time that the movements of a counted run take, such as 60s: sets their number by the rate of the warm-up "
    "[default: 0, as many as the case has]",
)
@click.option(
    "--warm-up",
    "warm_up_s",
    cls=_BenchOption,
    type=_Time(),
    metavar="TIME",
    default=5.0,
    help="Time to send movements before the counted runs of each case; 0 means none [default: 5s]",
)
@click.option("--teardown", cls=_BenchOption, is_flag=True, help="Remove what a run created before the next one")
@click.option(
    "--output",
    "-O",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Directory for bench.json, bench.md and the report of each run [default: bench/DATE-TIME]",
)
@junit_option
@click.option("--json", "as_json", is_flag=True, help="Print bench.json instead of text.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress on stderr.")
def bench(
    loaded: LoadedSettings,
    variants: dict[str, LoadedSettings],
    directory: "Path | None",
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Measure cases and variants in repeated runs.

    The cases are those of a scenario, the variants other settings; every run is verified.

    \b
    midaz-seed bench --scenario contention --target sandbox
    midaz-seed bench --scenario contention --case zipf --duration 60s -u http://127.0.0.1:3002
    midaz-seed bench --scenario contention --case uniform --variant c=8 --variant c=16
    midaz-seed bench --thresholds plan                 # large in ten minutes, three times

    Each run fills ledgers of its own. The repetitions of several variants are interleaved.
    """
    from datetime import datetime
    from pathlib import Path

    from midaz_seed.bench.benchmark import benchmark
    from midaz_seed.bench.options import BenchOptions
    from midaz_seed.cli.announcement import with_sandbox_hint
    from midaz_seed.cli.last_resort import end_in_time
    from midaz_seed.errors import UnreachableError
    from midaz_seed.reporting.logs import CurrentStderr, configure_logging

    settings = loaded.settings
    configure_logging(settings.log.level, settings.log.format, CurrentStderr())
    folder = Path(directory) if directory else Path("bench") / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    measured = BenchOptions(directory=folder, cases=tuple(options.pop("cases")), **options)
    display = _Display(quiet=quiet)
    try:
        report = benchmark(
            _with_goal(loaded),
            measured,
            variants={name: _with_goal(each) for name, each in variants.items()},
            emit=end_in_time,
            watch=display.watch,
            show=display.show,
            handle_signals=True,
        )
    except UnreachableError as error:
        raise with_sandbox_hint(error, settings) from error
    finally:
        display.close()
    raise SystemExit(_delivered(report, folder, as_json=as_json))


def _with_goal(loaded: LoadedSettings) -> "Settings":
    """Return the settings; with the thresholds of the plan alone those of its largest goal, in batches."""
    from midaz_seed.settings.model import Settings

    settings = loaded.settings
    chosen = ("scenario", "preset", "generation.batches.transactionsPerBatch")
    counts = [path for path in loaded.sources if path.startswith("volume.")]
    given = [
        path for path in (*chosen, *counts) if not loaded.sources[path].startswith(("default", "preset", "not used"))
    ]
    if settings.thresholds.preset != "plan" or given:
        return settings
    batches = settings.generation.batches.model_copy(update={"transactions_per_batch": "auto"})
    generation = settings.generation.model_copy(update={"batches": batches})
    large = Settings(preset="large").volume
    return settings.model_copy(update={"preset": "large", "volume": large, "generation": generation})


class _Display:
    """Shows on stderr what each run measured, and on a terminal how far the current one is."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._line = StatusLine()
        self._run = ""
        """The current run."""

    def show(self, step: "BenchStep") -> None:
        """Show that a run begins, or what it measured."""
        from midaz_seed.bench.verdict import name_of
        from midaz_seed.wording import printable

        if self._quiet:
            return
        number = f"{step.number} of {step.total}" if step.repetition else "warm-up"
        self._run = f"{number}: {name_of(step.case, step.variant)}"
        if step.run is None:
            self._line.draw(self._run)
            return
        figures = [
            f"{phase.name.replace('_', ' ')} {phase.transactions_per_s:,.0f}/s, p99 {phase.latency_ms.p99:,.1f} ms"
            for phase in step.run.phases
            if phase.name != "deposits"
        ]
        proved = "proved" if step.run.proved else f"not counted: {step.run.verdict}"
        self._line.clear()
        click.echo(printable(f"{self._run}: {'; '.join([*figures, proved])}"), err=True)

    async def watch(self, context: "RunContext") -> None:
        """Show how far the current run is, until cancelled."""
        from midaz_seed.engine.watched_run import watched_run
        from midaz_seed.reporting.progress.sampling import Sampler

        if self._quiet or not self._line.redraws:
            return
        sampler = Sampler(watched_run(context), context.clock)
        while True:
            await context.clock.sleep(SHOW_EVERY_S)
            self._line.draw(f"{self._run}: {sampler.figures('closed').progress_line(PROGRESS_WIDTH).lstrip()}")

    def close(self) -> None:
        """Remove the line from the terminal."""
        self._line.clear()


def _delivered(report: "BenchReport", folder: "Path", *, as_json: bool) -> int:
    """Print the report, and write it into the files that flags ask for. Return the exit code."""
    from dataclasses import replace

    from midaz_seed.bench.text import WIDTH, render_bench
    from midaz_seed.errors import AS_PLANNED, ExitCode, OutputError
    from midaz_seed.process import write_utf8_to_stdout
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.wording import printable, wrapped

    try:
        write_bench_outputs(click.get_current_context(), report)
    except OutputError as error:
        exit_code = ExitCode.DIFFERENCES if report.exit_code in AS_PLANNED else report.exit_code
        verdict = f"{report.verdict} The result was not written: {error}."
        report = replace(report, exit_code=int(exit_code), verdict=verdict)
    summarize_bench_for_github(report)
    if as_json:
        write_utf8_to_stdout()
        click.echo(report.as_json(), nl=False)
    else:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        width = text_width(sys.stdout, WIDTH)
        click.echo(render_bench(report, width, columns=columns), nl=False)
        written = printable(f"Written to {folder}: bench.json, bench.md and the report of each run.")
        click.echo("\n".join(wrapped([written], width)))
    if as_json and report.exit_code:
        click.echo(printable(f"{report.verdict} {report.next_step}".strip()), err=True)
    return report.exit_code
