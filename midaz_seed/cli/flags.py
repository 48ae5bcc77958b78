"""The flags that are settings, and their headings in the help. Their values are checked where the file's and the
environment's are, so the messages are the same."""

from collections.abc import Callable
from typing import Any

import click

from midaz_seed.settings.sources import Flag

PLAN = "What is created"
TARGET = "Where it goes"
PACE = "How hard and how long"
RUNS = "What is written down"
RUNS_PATH = "journal.directory"
RUNS_VARIABLE = "MIDAZ_SEED_JOURNAL__DIRECTORY"
SETTINGS = "Where settings come from"
OUTPUT = "What is shown"
SECTIONS = (TARGET, PLAN, PACE, RUNS, SETTINGS, OUTPUT)

Command = Callable[..., Any]


class SettingOption(click.Option):
    """A flag for one setting. `path` is the setting's dotted YAML path, `value` what the flag says when it takes none.

    It never checks its value: what is typed goes to `load_settings` as text.
    """

    def __init__(self, *args: Any, path: str, section: str, value: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.path = path
        self.section = section
        self.value = value

    @property
    def spelling(self) -> str:
        """How messages call it: its long name."""
        return next(name for name in self.opts if name.startswith("--"))

    def flag(self, given: Any) -> Flag | None:
        """What was given on the command line, if anything was."""
        if given is None or given == () or (self.value is not None and not given):
            return None
        return Flag(self.spelling, self.path, self.value if self.value is not None else given)


class _SectionOption(click.Option):
    """A flag that is no setting, with its place in the help."""

    section = SETTINGS


class RunOption(click.Option):
    """The same, among the flags about what is written down."""

    section = RUNS


class _TargetOption(click.Option):
    """The same, among the flags about the target."""

    section = TARGET


def _setting(section: str, path: str, *names: str, help: str, **kwargs: Any) -> Callable[[Command], Command]:  # noqa: A002
    """A `click.option` for a setting."""
    return click.option(*names, cls=SettingOption, path=path, section=section, help=help, **kwargs)


def _count(name: str, what: str, path: str) -> Callable[[Command], Command]:
    return _setting(PLAN, f"volume.{path}", name, metavar="N", help=f"{what} [default: as the preset]")


PLAN_OPTIONS = (
    _setting(
        PLAN,
        "preset",
        "--preset",
        "--volume",
        "-v",
        "preset",
        metavar="NAME",
        help="tiny (24 movements), small (8,000), medium (15,000) or large (1,000,000) [default: small]",
    ),
    _setting(PLAN, "seed", "--seed", "-s", metavar="N", help="Same seed, same data, to the byte [default: 1]"),
    _setting(PLAN, "runId", "--run-id", metavar="ID", help="Mark of this data [default: follows from the plan]"),
    _count("--organizations", "Organizations", "organizations"),
    _count("--ledgers", "Ledgers in each organization", "ledgersPerOrganization"),
    _count("--assets", "Assets in each ledger", "assetsPerLedger"),
    _count("--portfolios", "Portfolios in each ledger", "portfoliosPerLedger"),
    _count("--segments", "Segments in each ledger", "segmentsPerLedger"),
    _count("--account-types", "Account types registered in each ledger", "accountTypesPerLedger"),
    _count("--accounts", "Accounts in each ledger", "accountsPerLedger"),
    _count("--transactions", "Movements per account: one deposit, the rest transfers", "transactionsPerAccount"),
    _setting(
        PLAN,
        "data.alphanumericCnpj",
        "--alphanumeric-cnpj/--no-alphanumeric-cnpj",
        default=None,
        help="Companies get the CNPJ with letters, issued since July 2026 [default: no]",
    ),
    _setting(
        PLAN,
        "generation.batches.transactionsPerBatch",
        "--transactions-per-batch",
        metavar="N|auto",
        help="Movements packed into one transaction; auto measures what moves most per second [default: 1]",
    ),
    click.option(
        "--config",
        "config_file",
        cls=_SectionOption,
        metavar="FILE",
        help="YAML file with settings [default: midaz-seed.yaml, where it exists]",
    ),
    click.option(
        "--set",
        "assignments",
        cls=_SectionOption,
        metavar="KEY=VALUE",
        multiple=True,
        help="Any setting, by its path in the file: --set breaker.openS=30. Repeatable",
    ),
)

TARGET_OPTIONS = (
    _setting(
        TARGET, "target.baseUrl", "--target", "target_name", metavar="sandbox|URL", help="The embedded server, or a URL"
    ),
    _setting(TARGET, "target.baseUrl", "--base-url", "-u", metavar="URL", help="The same, as the old generator had it"),
    _setting(
        TARGET,
        "target.onboardingPort",
        "--onboarding-port",
        "-o",
        metavar="PORT",
        help="Port of the onboarding service [default: the URL's, else 3002]",
    ),
    _setting(
        TARGET,
        "target.transactionPort",
        "--transaction-port",
        "-t",
        metavar="PORT",
        help="Port of the transaction service [default: the URL's, else 3002]",
    ),
    _setting(
        TARGET,
        "target.allowHosts",
        "--allow-host",
        metavar="HOST",
        multiple=True,
        help="A host beside this machine that may be written to. Repeatable",
    ),
    _setting(
        TARGET,
        "target.authToken",
        "--auth-token",
        "-a",
        metavar="TOKEN",
        help="Bearer token. Others on this machine can see it in the list of processes: MIDAZ_SEED_TARGET__AUTH_TOKEN "
        "or --auth-token-file is better",
    ),
    _setting(TARGET, "target.authTokenFile", "--auth-token-file", metavar="FILE", help="File with the bearer token"),
    click.option(
        "--ask-token", "ask_token", cls=_TargetOption, is_flag=True, help="Ask for the bearer token, without showing it"
    ),
    _setting(
        TARGET,
        "target.onboardingUrl",
        "--onboarding-url",
        metavar="URL",
        help="The onboarding service, where it has an address of its own",
    ),
    _setting(
        TARGET,
        "target.transactionUrl",
        "--transaction-url",
        metavar="URL",
        help="The transaction service, where it has an address of its own",
    ),
    _setting(
        TARGET,
        "target.headers",
        "--header",
        metavar="'NAME: VALUE'",
        multiple=True,
        help="A header for every request. Repeatable. A secret one is better in the file",
    ),
    _setting(TARGET, "target.caFile", "--ca-file", metavar="FILE", help="Certificates to trust (PEM)"),
    _setting(TARGET, "target.proxy", "--proxy", metavar="URL", help="HTTP proxy"),
    _setting(
        TARGET,
        "sandbox.data",
        "--sandbox-data",
        metavar="FILE",
        help="With --target sandbox: keep its data in this file [default: gone after the run]",
    ),
    _setting(
        TARGET,
        "sandbox.faults",
        "--sandbox-faults",
        metavar="FILE",
        help="With --target sandbox: the faults that it shows (YAML)",
    ),
    _setting(
        TARGET,
        "sandbox.dialect",
        "--dialect",
        metavar="NAME",
        help="With --target sandbox: the Midaz that it answers as: v3.3, v3.8 or v4 [default: v3.8]",
    ),
    _setting(
        TARGET,
        "target.transport",
        "--transport",
        metavar="NAME",
        help="wire, the fast one, or session, a full HTTP client for odd servers [default: wire]",
    ),
    _setting(
        PACE,
        "generation.limits.maxConcurrency",
        "--concurrency",
        "-c",
        metavar="N|auto",
        help="Requests in flight at once; auto finds the fewest that give the most [default: 16]",
    ),
    _setting(
        PACE,
        "generation.limits.requestsPerSecond",
        "--rate",
        metavar="N",
        help="Requests a second at most [default: 0, which is no limit]",
    ),
    _setting(
        PACE,
        "generation.limits.openLoop",
        "--open-loop",
        is_flag=True,
        value=True,
        help="Send at the moments that --rate gives, and count latencies from them [default: when an answer is in]",
    ),
    _setting(
        PACE,
        "generation.limits.rampS",
        "--ramp",
        metavar="TIME",
        help="Let the load grow for so long at first",
    ),
    _setting(
        PACE,
        "generation.limits.warmupS",
        "--warm-up",
        metavar="TIME",
        help="Leave so much after the first movement out of the report's steady window",
    ),
    _setting(
        PACE,
        "generation.limits.durationS",
        "--duration",
        metavar="TIME",
        help="Time for the whole run, settled and proved, such as 90s or 10m; does as much of the plan as fits",
    ),
    _setting(
        PACE,
        "generation.limits.shards",
        "--shards",
        metavar="N|auto",
        help="Processes that share the ledgers among them; auto: one for each core [default: 1]",
    ),
    _setting(
        PACE,
        "generation.retries.max",
        "--attempts",
        metavar="N",
        help="Attempts of one request, the first included [default: 3]",
    ),
    _setting(
        PACE,
        "target.requestTimeoutS",
        "--timeout",
        metavar="SECONDS",
        help="How long one attempt may take [default: 30]",
    ),
    _setting(
        PACE,
        "errorBudgetPercent",
        "--error-budget",
        metavar="PERCENT",
        help="Failed items above which the exit code is 1 [default: 1]",
    ),
    _setting(
        PACE,
        "verification.everyTransaction",
        "--every-transaction",
        is_flag=True,
        value=True,
        help="Read every transaction back: each planned one exactly once [default: where anything was in doubt]",
    ),
    _setting(RUNS, RUNS_PATH, "--runs-dir", metavar="DIR", help="Where the runs' journals are [default: runs]"),
    _setting(
        RUNS,
        "journal.enabled",
        "--journal/--no-journal",
        default=None,
        help="Write down what was sent, so that a killed run can go on [default: yes]",
    ),
    _setting(
        OUTPUT, "log.level", "--debug", "-d", is_flag=True, value="debug", help="Show what happens, down to requests"
    ),
    _setting(
        OUTPUT, "log.format", "--log-format", metavar="FORMAT", help="Logs as console or json lines [default: console]"
    ),
)
