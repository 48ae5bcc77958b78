"""The wrapping of help texts."""

from collections.abc import Iterable

import click

_HYPHEN = "\u2011"
"""The hyphen at which no line may break."""


class _HelpFormatter(click.HelpFormatter):
    """Breaks lines at spaces only: a flag that is broken at a hyphen cannot be read or copied."""

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _HYPHEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(name, text.replace("-", _HYPHEN)) for name, text in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        return super().getvalue().replace(_HYPHEN, "-")


class HelpContext(click.Context):
    """The context of a command, with our wrapping of its help."""

    formatter_class = _HelpFormatter


def wrap_help(command: click.Command) -> click.Command:
    """Use our wrapping for the help of a command and of those in it; return the command."""
    command.context_class = HelpContext
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            wrap_help(inner)
    return command
