"""`midaz-seed doctor`: check a server before a run."""

import sys
from typing import TYPE_CHECKING

import click

from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options
from midaz_seed.process import write_utf8_to_stdout
from midaz_seed.wording import json_document, printable

if TYPE_CHECKING:
    from midaz_seed.probe.diagnosis import Diagnosis

WIDTH = 100
"""Columns of the findings, at most."""


@click.command(cls=SectionedCommand, epilog="Exit codes: 0 go; 2 usage; 3 no-go.")
@click.argument("url", metavar="[TARGET]", required=False)
@settings_options
@target_options
@click.option("--write", is_flag=True, help="Also test writing, in a temporary organization that is removed afterwards")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
def doctor(loaded: LoadedSettings, write: bool, as_json: bool) -> None:
    """Check a Midaz before a run: version, access, API behaviour, latency; with --write also idempotency and speed.

    TARGET is a URL or the word sandbox, as in --target.

    \b
    midaz-seed doctor http://127.0.0.1:3002
    midaz-seed doctor --write -u http://127.0.0.1 -o 3000 -t 3001
    """
    from midaz_seed.cli.last_resort import end_in_time
    from midaz_seed.errors import ExitCode
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.runner import examine

    diagnosis = examine(loaded.settings, write=write, emit=end_in_time, handle_signals=True)
    run_command = f"midaz-seed run {' '.join([diagnosis.flags, *_flags_for_run(loaded)])}" if diagnosis.go else ""
    width = text_width(sys.stdout, WIDTH)
    if as_json:
        write_utf8_to_stdout()
    click.echo(_document(diagnosis, run_command) if as_json else _text(diagnosis, run_command, width), nl=False)
    raise SystemExit(int(ExitCode.DONE if diagnosis.go else ExitCode.TARGET))


def _flags_for_run(loaded: LoadedSettings) -> list[str]:
    """Return the flags of this command line that `run` needs too, without secrets and without the target's address."""
    import shlex

    from midaz_seed.settings.schema import SETTINGS, as_plain

    in_diagnosis = ("target.baseUrl", "target.onboardingUrl", "target.transactionUrl", "target.onboardingPort")
    flags = []
    for path, source in loaded.sources.items():
        setting, spelling = SETTINGS[path], source.removeprefix("flag ")
        if spelling == source or setting.is_secret or path in (*in_diagnosis, "target.transactionPort"):
            continue
        value = as_plain(setting.value_of(loaded.settings))
        if path == "scenario" and not spelling.startswith("--set "):  # a file, which is not called as its scenario
            value = click.get_current_context().params["scenario"]
        if spelling.startswith("--set "):
            flags.append(f"--set {shlex.quote(f'{path}={value}')}")
        elif isinstance(value, bool):
            flags.append(spelling if value else spelling.replace("--", "--no-", 1))
        elif isinstance(value, list):
            flags += [f"{spelling} {shlex.quote(str(item))}" for item in value]
        else:
            flags.append(spelling if spelling == "--debug" else f"{spelling} {shlex.quote(str(value))}")
    return flags


def _document(diagnosis: "Diagnosis", run_command: str) -> str:
    import dataclasses

    document = {"schema_version": 1, **dataclasses.asdict(diagnosis), "go": diagnosis.go, "run": run_command}
    return json_document(document)


def _text(diagnosis: "Diagnosis", run_command: str, width: int) -> str:
    lines = [f"target {diagnosis.target}", ""]
    for finding in diagnosis.findings:
        mark = {"ok": " ", "note": "!", "stop": "X"}[finding.level]
        lines += _finding(f"{mark} {finding.name:<17}{printable(finding.value):<18}", printable(finding.meaning), width)
    lines += ["", f"GO: {run_command}" if diagnosis.go else "NO-GO: fix the findings marked X"]
    return "\n".join(printable(line) for line in lines) + "\n"


def _finding(start: str, meaning: str, width: int) -> list[str]:
    """Return the lines of a finding, its meaning beside it; below it where the terminal is narrow."""
    import textwrap

    column = 38
    if width >= 2 * column:
        return textwrap.wrap(f"{start} {meaning}", width, subsequent_indent=" " * column, break_long_words=False)
    below = textwrap.wrap(meaning, width, initial_indent=" " * 4, subsequent_indent=" " * 4, break_long_words=False)
    return [start.rstrip(), *below]
