"""A group of commands that suggests the nearest name for an unknown one."""

from collections.abc import Iterable

import click

from midaz_seed.cli.documents import DocumentingCommand
from midaz_seed.errors import UsageError
from midaz_seed.wording import nearest


class SuggestingGroup(click.Group):
    """Without a command it prints its help; for an unknown one it suggests the nearest."""

    command_class = DocumentingCommand

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args or ctx.resilient_parsing else ["--help"])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and name not in self.list_commands(ctx):
            raise UsageError(f"unknown command {name!r}", hint=_hint(ctx, name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def _hint(ctx: click.Context, name: str, known: Iterable[str]) -> str:
    suggestion = nearest(name, known)
    return f"did you mean {ctx.command_path} {suggestion}?" if suggestion else f"see {ctx.command_path} --help"
