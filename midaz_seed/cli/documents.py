"""The JSON documents of commands that end without a result: `--json` prints one, `--report` writes one.

So a program that reads them always finds how its own command ended, and never the document of an earlier one.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from midaz_seed.cli.outputs import OUTPUTS, begin_outputs, write_ending
from midaz_seed.errors import ExitCode, OutputError, SeedError
from midaz_seed.process import write_utf8_to_stdout

STDOUT = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
"""The files of a report that stand for standard output."""
_PARSED = "midaz_seed.parsed"
_REPORT = "midaz_seed.report"


class DocumentingCommand(click.Command):
    """A command that leaves its parsed flags in the context, for the document of a failure."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)  # they are removed while they are parsed
        try:
            return super().parse_args(ctx, args)
        except click.UsageError:
            ctx.params.update(_read_document_flags(given, {parameter.name for parameter in self.params}))
            ctx.meta[_PARSED] = ctx
            raise

    def invoke(self, ctx: click.Context) -> Any:
        ctx.meta[_PARSED] = ctx
        return super().invoke(ctx)


@dataclass(frozen=True)
class Ending:
    """How a command ended without a result. `error` names its class; "" when nothing failed."""

    exit_code: int | None
    """None while the command works."""
    verdict: str
    next_step: str = ""
    error: str = ""
    where: str = ""


def begin_documents(file: Path | None) -> None:
    """Write into the files of the current command that it has not ended.

    What a killed command leaves is then neither the document of an earlier command nor a result.

    Args:
        file: of the report; None without one.

    Raises:
        OutputError: a file cannot be written.
    """
    from midaz_seed.reporting.report_file import check_writable, is_replaceable, write_document

    ctx = click.get_current_context()
    document = _document(ctx, Ending(None, "The command has not ended: it is working, or it was killed."))
    if file is not None:
        check_writable(file)
        if is_replaceable(file):
            write_document(_text(document), file)
        ctx.meta[_REPORT] = file
    begin_outputs(ctx, document)


def report_file(ctx: click.Context) -> Path | None:
    """Return the file for the report of the command whose flags were parsed in this context."""
    file: Path | None = ctx.meta.get(_REPORT)
    given = ctx.meta[_PARSED].params.get("report_file") if _PARSED in ctx.meta else None
    return file or (Path(given) if given and given not in STDOUT else None)


def prints_json(ctx: click.Context) -> bool:
    """Return whether the command whose flags were parsed in this context was given --json, or --report -."""
    flags = ctx.meta[_PARSED].params if _PARSED in ctx.meta else {}
    return bool(flags.get("as_json")) or flags.get("report_file") in STDOUT


def leave_document(ctx: click.Context, ending: Ending) -> None:
    """Print and write the document where the command's flags ask for it. Errors of writing it are not reported: the
    command has failed already."""
    from midaz_seed.reporting.report_file import write_document

    parsed: click.Context | None = ctx.meta.get(_PARSED)
    if parsed is None:
        return
    document = _document(parsed, ending)
    text = _text(document)
    write_ending(parsed, document)
    file = report_file(ctx)
    if file is not None:
        with suppress(OutputError):
            write_document(text, file)
    if prints_json(ctx):
        with suppress(SeedError):
            write_utf8_to_stdout()
            click.echo(text, nl=False)


def end_without_a_run(verdict: str, *, is_stdout_taken: bool = False) -> None:
    """Print, and write where the flags ask for it, that the current command had nothing to do.

    Args:
        verdict: the sentence.
        is_stdout_taken: print it on stderr.
    """
    ctx = click.get_current_context()
    if not prints_json(ctx):
        click.echo(verdict, err=is_stdout_taken)
    leave_document(ctx, Ending(ExitCode.DONE, verdict))


def _read_document_flags(arguments: Sequence[str], known: Collection[str | None]) -> dict[str, Any]:
    """Return what the flags say about documents on a command line that cannot be parsed."""
    flags = {"--report": "report_file", **{output.flag: parameter for parameter, output in OUTPUTS.items()}}
    found: dict[str, Any] = {"as_json": "--json" in arguments, **dict.fromkeys(flags.values())}
    for argument, following in pairwise([*arguments, ""]):
        flag, equals, value = argument.partition("=")
        if flag in flags:
            found[flags[flag]] = value if equals else following
    return {name: value for name, value in found.items() if name in known}


def _document(ctx: click.Context, ending: Ending) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    from midaz_seed.reporting.ending import ENDING_VERSION, EndingDocument, EndingError

    try:
        number = version("midaz-seed")
    except PackageNotFoundError:
        number = ""
    error = EndingError(ending.error, ending.verdict, ending.where, ending.next_step) if ending.error else None
    return EndingDocument(
        schema_version=ENDING_VERSION,
        version=number,
        command=ctx.command_path.removeprefix("midaz-seed "),
        exit_code=ending.exit_code,
        verdict=ending.verdict,
        next_step=ending.next_step,
        error=error,
    ).as_document()


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
