"""How a command shows a run: flags for progress, events, metrics and the live page, declared once."""

import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.option_kinds import Command
from midaz_seed.cli.telemetry import Telemetry, check_events, is_stdout, telemetry, telemetry_options
from midaz_seed.cli.web import open_live_page

if TYPE_CHECKING:
    from pathlib import Path

    from midaz_seed.cli.execute import RunFunction
    from midaz_seed.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Watching:
    """What the flags of `watching_options` and `web_options` give."""

    as_json: bool
    quiet: bool
    events_file: str | None
    metrics_address: str | None
    web: str | None = None
    web_token_file: "Path | None" = None
    web_linger_s: float = 0.0

    @property
    def is_stdout_taken(self) -> bool:
        """Whether events are on stdout, so that the text of the report is on stderr."""
        return is_stdout(self.events_file)

    def telemetry(self, settings: "Settings") -> AbstractContextManager[Telemetry]:
        """Open what publishes the run, for the duration of the block. Raises UsageError where that is not possible."""
        check_events(self.events_file, settings, as_json=self.as_json)
        return telemetry(str(click.get_current_context().info_name), self.events_file, self.metrics_address)

    def execute(self, function: "RunFunction", settings: "Settings", observer: Telemetry) -> None:
        """Run a function of the library as `cli.execute.execute` does, with the live page if it was asked for."""
        from midaz_seed.cli.execute import execute

        with open_live_page(self.web, self.web_token_file, self.web_linger_s) as pages:
            execute(
                function,
                settings,
                as_json=self.as_json,
                quiet=self.quiet,
                observers=[observer, *pages],
                is_stdout_taken=self.is_stdout_taken,
            )


def watching_options(command: Command) -> Command:
    """Add --json, --quiet, --events and --metrics, and call the command with `watching: Watching`.

    It has the flags of `web_options` too, where they are applied below it.
    """

    @functools.wraps(command)
    def with_watching(**arguments: Any) -> Any:
        given = {each.name: arguments.pop(each.name) for each in fields(Watching) if each.name in arguments}
        return command(watching=Watching(**given), **arguments)

    found = telemetry_options(with_watching)
    found = click.option("--quiet", "-q", is_flag=True, help="Show no progress on stderr.")(found)
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of text.")(found)
