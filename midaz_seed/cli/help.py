"""`midaz-seed help`: the same as --help."""

from typing import TYPE_CHECKING

import click

from midaz_seed.cli.documents import DocumentingCommand
from midaz_seed.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    found, _ = _find(ctx, ctx.params.get("names") or ())
    return found.shell_complete(click.Context(found, parent=ctx.parent), incomplete)


@click.command(cls=DocumentingCommand)
@click.argument("names", metavar="[COMMAND]...", nargs=-1, shell_complete=_complete)
@click.pass_context
def help(ctx: click.Context, names: tuple[str, ...]) -> None:  # noqa: A001 - it is called as the command
    """Show the help of a command, as --help does."""
    found, inner = _find(ctx, names)
    click.echo(found.get_help(inner))


def _find(ctx: click.Context, names: tuple[str, ...]) -> tuple[click.Command, click.Context]:
    """Return the command of a path of names, and a context for it.

    Raises:
        UsageError: there is none.
    """
    inner = ctx.find_root()
    found = inner.command
    for name in names:
        if not isinstance(found, click.Group):
            raise UsageError(f"{inner.command_path} has no commands", hint=f"see {inner.command_path} --help")
        _, next_one, _ = found.resolve_command(inner, [name])
        assert next_one is not None
        found = next_one
        inner = found.context_class(found, info_name=name, parent=inner, **found.context_settings)
    return found, inner
