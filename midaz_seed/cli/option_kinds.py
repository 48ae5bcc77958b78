"""The kinds of options, and the headings under which the help shows them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.completing import complete_scenario
from midaz_seed.settings.sources import Flag

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PLAN = "Plan"
TARGET = "Target"
CHECKS = "Checks"
PACE = "Load"
THRESHOLDS = "Thresholds"
RUNS = "Runs and journal"
SETTINGS = "Configuration"
OUTPUT = "Output"
BENCH = "Benchmark"
SECTIONS = (BENCH, TARGET, PLAN, CHECKS, PACE, THRESHOLDS, RUNS, SETTINGS, OUTPUT)

Command = Callable[..., Any]


class SettingOption(click.Option):
    """A flag that sets one setting. It does not validate its value: `load_settings` gets the text as typed.

    Attributes:
        path: the setting's dotted YAML path.
        section: the heading in the help.
        value: the value that a flag without an argument sets.
        choices: what the shell completes. The settings have them too; to import those takes too long for a completion.
    """

    def __init__(
        self,
        *args: Any,
        path: str,
        section: str,
        value: str | None = None,
        choices: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.path = path
        self.section = section
        self.value = value
        self.choices = choices

    @property
    def spelling(self) -> str:
        """The long name, as messages show it."""
        return next(name for name in self.opts if name.startswith("--"))

    def flag(self, given: Any) -> Flag | None:
        """Return the flag with the value of the command line; None when it was not given."""
        if given is None or given == () or (self.value is not None and not given):
            return None
        return Flag(self.spelling, self.path, self.value if self.value is not None else given)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Offer the setting's choices, or the files or folders that the shell finds."""
        from click.shell_completion import CompletionItem

        kind = {"FILE": "file", "DIR": "dir"}.get(self.metavar or "")
        if kind:
            return [CompletionItem(incomplete, type=kind)]
        if self.path == "scenario":
            return complete_scenario(ctx, self, incomplete)
        choices = self.choices + (("auto",) if "auto" in (self.metavar or "") else ())
        choices += ("sandbox",) if "sandbox" in (self.metavar or "") else ()
        return [CompletionItem(choice) for choice in choices if choice.startswith(incomplete)]


class ConfigurationOption(click.Option):
    """A flag that sets no setting, under the heading of the configuration."""

    section = SETTINGS


class RunOption(click.Option):
    """A flag that sets no setting, under the heading of runs and journal."""

    section = RUNS


class LoadOption(click.Option):
    """A flag that sets no setting, under the heading of the load."""

    section = PACE


class TargetOption(click.Option):
    """A flag that sets no setting, under the heading of the target."""

    section = TARGET
