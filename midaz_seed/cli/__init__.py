"""The command line: one module per command that parses, calls the library and prints; no rule of a run.

`main` runs a command and turns every failure into a message and an exit code. Each command has a
module of its own, imported only when it is used: that keeps `--help` fast.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

import click

from midaz_seed.cli.documents import Ending, leave_document
from midaz_seed.cli.help_text import HelpContext, wrap_help
from midaz_seed.cli.suggestions import SuggestingGroup
from midaz_seed.errors import AmbiguousRunError, ConfigurationError, ExitCode, ResultNotWrittenError, SeedError
from midaz_seed.process import check_platform, guard_standard_streams, open_standard_descriptors
from midaz_seed.reporting.redaction import redact
from midaz_seed.settings.masking import mask_message
from midaz_seed.settings.sources import DEBUG_VARIABLE
from midaz_seed.wording import nearest, printable

PROGRAM = "midaz-seed"
COMPLETION_VARIABLE = "_MIDAZ_SEED_COMPLETE"
"""Set by a shell that asks for completions: click's name for this program."""
BROKEN_PIPE = 141
"""128 + SIGPIPE, as a shell reports it when the reader of stdout closes early: `midaz-seed config show | head -1`."""

COMMANDS = {
    "run": "Fill a Midaz with the planned data and verify every balance.",
    "plan": "Show what a run would create; send nothing.",
    "retry": "Send the rejected items of a run again.",
    "report": "Show the report of a run as an HTML page.",
    "compare": "Compare the figures of two runs, with confidence intervals.",
    "runs": "List, show or delete the runs in a runs directory.",
    "doctor": "Check a Midaz before a run: go or no-go.",
    "verify": "Verify that a Midaz holds the planned data; write nothing.",
    "bench": "Measure cases and variants in repeated runs.",
    "audit": "Check the invariants of ledgers without a plan; write nothing.",
    "teardown": "Remove what a run created, and nothing else.",
    "sandbox": "Run the embedded Midaz.",
    "scenario": "List, show or check what data can consist of.",
    "config": "Show the settings, their JSON Schema or a file to start from.",
    "completion": "Print the completion script of bash, zsh or fish.",
    "help": "Show the help of a command, as --help does.",
}
"""Command -> its line in `midaz-seed --help`. The command is an object of that name in the module of that name."""


class _LazyCommands(SuggestingGroup):
    """The commands, each imported when it is used."""

    context_class = HelpContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"midaz_seed.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return wrap_help(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("midaz-seed")
        except PackageNotFoundError:
            number = "(not installed: run from its source folder)"
        click.echo(f"midaz-seed {number}")
        ctx.exit()


@click.group(
    cls=_LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Run a command with --help for its options. Exit codes: 0 done and verified; 1 over the error budget, a "
    "balance differs, or an internal error; 2 usage or configuration; 3 target; 4 settlement; 5 a threshold failed; "
    "130/143 interrupted.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def cli() -> None:
    """Fill a Midaz ledger with realistic data, and verify that every balance is the planned one.

    \b
    midaz-seed run --target sandbox                    # fill the embedded server
    midaz-seed plan -v large                           # show what would be made
    midaz-seed run -v medium -u http://127.0.0.1:3002  # fill a Midaz of your own
    """


def main(arguments: Sequence[str] | None = None, commands: click.Group = cli) -> NoReturn:
    """Run the command line and exit the process with its exit code.

    Args:
        arguments: the command line without the program's name; by default that of the process.
        commands: the group to run. Another program can pass its own, to get the same error messages and exit codes.
    """
    open_standard_descriptors()
    guard_standard_streams()
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _complete(commands)
        if code is None:
            code = _run(command_line, commands)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        code = BROKEN_PIPE
    except ResultNotWrittenError as error:  # by the flush: what was printed had not left the buffer
        _print_error(error.message, error.where, error.hint)
        _drop_output()
        code = error.exit_code
    sys.exit(code)


def _drop_output() -> None:
    """Redirect stdout to the null device, because the interpreter flushes it when it exits, which must not raise."""
    with suppress(OSError, ValueError):  # a stream of a calling program may have no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complete(commands: click.Group) -> int | None:
    """Answer a shell that asks for completions, or for its completion script; None when none asks."""
    instruction = os.environ.get(COMPLETION_VARIABLE)
    if not instruction:
        return None
    from click.shell_completion import get_completion_class, shell_complete

    if get_completion_class(instruction.partition("_")[0]) is None:
        hint = "use bash_source, zsh_source or fish_source, or `midaz-seed completion SHELL`"
        _print_error(f"{COMPLETION_VARIABLE}={instruction} names no shell", "", hint)
        return ExitCode.USAGE
    return shell_complete(commands, {}, PROGRAM, COMPLETION_VARIABLE, instruction)


def _run(arguments: list[str], commands: click.Group) -> int:
    """Run a command; turn what ends it into an exit code, a message, and the document that its flags ask for."""
    ctx: click.Context | None = None
    try:
        check_platform()
        with commands.make_context(PROGRAM, list(arguments)) as ctx:
            commands.invoke(ctx)
    except click.exceptions.Exit as request:
        return request.exit_code
    except BrokenPipeError:
        raise
    except (SeedError, click.ClickException, click.Abort, KeyboardInterrupt, Exception) as error:  # noqa: BLE001
        ending = _masked(_ending(error, arguments))
        if ctx is not None and not isinstance(error, ResultNotWrittenError):  # then the file, if any, has the report
            leave_document(ctx, ending)
        known = isinstance(error, SeedError | click.ClickException | click.Abort | KeyboardInterrupt)
        if known or _is_out_of_memory(error):
            _print_error(ending.verdict, ending.where, ending.next_step)
        else:
            _print_internal_error(error, ending)
        if isinstance(error, ResultNotWrittenError):
            _drop_output()
        return ending.exit_code or ExitCode.DIFFERENCES
    return ExitCode.DONE


def _ending(error: BaseException, arguments: list[str]) -> Ending:
    """Return what an error means for the caller of the command."""
    kind = type(error).__name__
    if isinstance(error, SeedError):
        # only lists of our own have several lines; a server must not be able to add one
        is_list = isinstance(error, ConfigurationError | AmbiguousRunError)
        message = error.message if is_list else error.message.replace("\n", "\\n")
        return Ending(error.exit_code, message, error.hint, kind, error.where)
    if isinstance(error, click.NoSuchOption):
        suggestion = nearest(error.option_name, error.possibilities or ())
        hint = f"did you mean {suggestion}?" if suggestion else _see_help(error, arguments)
        return Ending(ExitCode.USAGE, f"unknown option {error.option_name}", hint, kind)
    if isinstance(error, click.ClickException):
        hint = _see_help(error, arguments)
        if arguments[:1] in (["run"], ["plan"]) and "unexpected extra argument" in error.format_message():
            hint = f"name a scenario with --scenario, and a run with --resume; {hint}"
        return Ending(ExitCode.USAGE, error.format_message(), hint, kind)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        begins_anew = arguments[:1] == ["bench"]
        hint = f"run the same command again{'' if begins_anew else ' to continue'}"
        return Ending(ExitCode.INTERRUPTED, "interrupted", hint, kind)
    if _is_out_of_memory(error):
        hint = "raise the limit of memory, use fewer --shards or a smaller plan; what was done is kept: run it again"
        return Ending(ExitCode.DIFFERENCES, "the memory that this process may use is not enough", hint, "MemoryError")
    text = " ".join(str(error).split())
    debugs = os.environ.get(DEBUG_VARIABLE) or {"--debug", "-d"} & set(arguments)
    next_step = f"run again with --debug (or {DEBUG_VARIABLE}=1) for the traceback"
    return Ending(
        ExitCode.DIFFERENCES,
        f"internal error: {kind}{f': {text}' if text else ''}",
        "please report it with the traceback above" if debugs else next_step,
        kind,
    )


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error is a lack of memory, or a group of errors with one."""
    if isinstance(error, BaseExceptionGroup):
        return any(_is_out_of_memory(each) for each in error.exceptions)
    return isinstance(error, MemoryError)


def _masked(ending: Ending) -> Ending:
    """Mask secrets: any argument may be a URL with a password in the wrong place."""
    return replace(
        ending,
        verdict=_without_secrets(ending.verdict),
        next_step=_without_secrets(ending.next_step),
        where=_without_secrets(ending.where),
    )


def _print_internal_error(error: BaseException, ending: Ending) -> None:
    if ending.next_step.startswith("please report"):
        import traceback

        click.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
    click.echo(printable(_without_secrets(f"{ending.verdict}; {ending.next_step}")), err=True)


def _see_help(error: click.ClickException, arguments: list[str]) -> str:
    ctx = getattr(error, "ctx", None)
    command = next((f"midaz-seed {name}" for name in arguments[:1] if name in COMMANDS), "midaz-seed")
    return f"see {ctx.command_path if ctx else command} --help"


def _without_secrets(text: str) -> str:
    return redact(mask_message(text))


def _print_error(message: str, where: str, hint: str) -> None:
    click.echo("\n".join(printable(line) for line in _without_secrets(f"error: {message}").split("\n")), err=True)
    if where:
        click.echo(f"  where: {printable(_without_secrets(where))}", err=True)
    if hint:
        click.echo(f"  hint: {printable(_without_secrets(hint))}", err=True)
