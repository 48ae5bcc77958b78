"""The flags that set a setting, and their headings in the help.

Their values are validated together with those of the file and the environment, so the error messages are the same.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.completing import complete_scenario
from midaz_seed.cli.runs_folder import RUNS_PATH
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


class _SectionOption(click.Option):
    """A flag that sets no setting, under the heading of the configuration."""

    section = SETTINGS


class RunOption(click.Option):
    """A flag that sets no setting, under the heading of runs and journal."""

    section = RUNS


class LoadOption(click.Option):
    """A flag that sets no setting, under the heading of the load."""

    section = PACE


class _TargetOption(click.Option):
    """A flag that sets no setting, under the heading of the target."""

    section = TARGET


def _setting(section: str, path: str, *names: str, help: str, **kwargs: Any) -> Callable[[Command], Command]:  # noqa: A002
    """Return a `click.option` that sets a setting."""
    return click.option(*names, cls=SettingOption, path=path, section=section, help=help, **kwargs)


def _count(name: str, what: str, path: str) -> Callable[[Command], Command]:
    return _setting(PLAN, f"volume.{path}", name, metavar="N", help=f"{what} [default: from the preset]")


FILE_OPTIONS = (
    click.option(
        "--config",
        "config_file",
        cls=_SectionOption,
        metavar="FILE",
        type=click.Path(),
        help="YAML file with settings [default: midaz-seed.yaml, if it exists]",
    ),
    click.option(
        "--set",
        "assignments",
        cls=_SectionOption,
        metavar="KEY=VALUE",
        multiple=True,
        help="Set any setting by its path in the file: --set breaker.openS=30. Repeatable",
    ),
)
"""Flags about the settings themselves."""
PLAN_OPTIONS = (
    _setting(
        PLAN,
        "scenario",
        "--scenario",
        metavar="NAME|FILE",
        help="What the data consists of: a built-in scenario, or a scenario file [default: classic]",
    ),
    _setting(
        PLAN,
        "preset",
        "--preset",
        "--volume",
        "-v",
        "preset",
        metavar="NAME",
        choices=("tiny", "small", "medium", "large"),
        help="Preset volume: tiny (24 movements), small (8,000), medium (15,000) or large (1,000,000) [default: small]",
    ),
    _setting(
        PLAN,
        "seed",
        "--seed",
        "-s",
        metavar="N",
        help="Seed of the data; the same seed gives the same bytes [default: 1]",
    ),
    _setting(
        PLAN,
        "runId",
        "--run-id",
        metavar="ID",
        help="Id that every created object carries [default: derived from the plan]",
    ),
    _count("--organizations", "Number of organizations", "organizations"),
    _count("--ledgers", "Ledgers in each organization", "ledgersPerOrganization"),
    _count("--assets", "Assets in each ledger", "assetsPerLedger"),
    _count("--portfolios", "Portfolios in each ledger", "portfoliosPerLedger"),
    _count("--segments", "Segments in each ledger", "segmentsPerLedger"),
    _count("--account-types", "Account types to register in each ledger", "accountTypesPerLedger"),
    _count("--accounts", "Accounts in each ledger", "accountsPerLedger"),
    _count("--transactions", "Movements per account: one deposit, the rest transfers", "transactionsPerAccount"),
    _setting(
        PLAN,
        "volume.customers",
        "--customers",
        metavar="N",
        help="Customers in each ledger, for scenarios other than classic [default: the scenario's]",
    ),
    _setting(
        PLAN,
        "volume.movements",
        "--movements",
        metavar="N",
        help="Movements by chance in each ledger, for scenarios other than classic [default: the scenario's]",
    ),
    _setting(
        PLAN,
        "data.alphanumericCnpj",
        "--alphanumeric-cnpj/--no-alphanumeric-cnpj",
        default=None,
        help="Give companies the alphanumeric CNPJ, issued since July 2026 [default: no]",
    ),
    _setting(
        PLAN,
        "data.metadata",
        "--metadata",
        metavar="MODE",
        choices=("full", "mark", "none"),
        help="Metadata of transactions: full, mark (only the item's mark) or none, which spares the server a write to "
        "MongoDB for each [default: full]",
    ),
    _setting(
        PLAN,
        "generation.batches.transactionsPerBatch",
        "--transactions-per-batch",
        metavar="N|auto",
        help="Movements in one transaction; auto measures which number gives the highest throughput [default: 1]",
    ),
    *FILE_OPTIONS,
)

SERVER_OPTIONS = (
    _setting(
        TARGET,
        "target.baseUrl",
        "--target",
        "target_name",
        metavar="sandbox|URL",
        help="Server: the word sandbox for the embedded server, or a URL",
    ),
    _setting(
        TARGET,
        "target.baseUrl",
        "--base-url",
        "-u",
        metavar="URL",
        help="Same as --target",
    ),
    _setting(
        TARGET,
        "target.onboardingPort",
        "--onboarding-port",
        "-o",
        metavar="PORT",
        help="Port of the onboarding service [default: the port in the URL, else 3002]",
    ),
    _setting(
        TARGET,
        "target.transactionPort",
        "--transaction-port",
        "-t",
        metavar="PORT",
        help="Port of the transaction service [default: the port in the URL, else 3002]",
    ),
    _setting(
        TARGET,
        "target.allowHosts",
        "--allow-host",
        metavar="HOST",
        multiple=True,
        help="Allow writing to this host; loopback is always allowed. Repeatable",
    ),
    _setting(
        TARGET,
        "target.authToken",
        "--auth-token",
        "-a",
        metavar="TOKEN",
        help="Bearer token. Visible in the process list: prefer MIDAZ_SEED_TARGET__AUTH_TOKEN or --auth-token-file",
    ),
    _setting(
        TARGET, "target.authTokenFile", "--auth-token-file", metavar="FILE", help="File that holds the bearer token"
    ),
    click.option(
        "--ask-token", "ask_token", cls=_TargetOption, is_flag=True, help="Prompt for the bearer token without echo"
    ),
    _setting(
        TARGET,
        "target.onboardingUrl",
        "--onboarding-url",
        metavar="URL",
        help="URL of the onboarding service, if it differs from --target",
    ),
    _setting(
        TARGET,
        "target.transactionUrl",
        "--transaction-url",
        metavar="URL",
        help="URL of the transaction service, if it differs from --target",
    ),
    _setting(
        TARGET,
        "target.headers",
        "--header",
        metavar="'NAME: VALUE'",
        multiple=True,
        help="Header to send with every request. Repeatable. Put secret ones into the configuration file",
    ),
    _setting(
        TARGET,
        "target.resolve",
        "--resolve",
        metavar="NAME:PORT:ADDRESS",
        multiple=True,
        help="Connect to this IP address for NAME:PORT, as curl does; several with commas. Repeatable",
    ),
    _setting(TARGET, "target.caFile", "--ca-file", metavar="FILE", help="CA certificates to trust (PEM)"),
    _setting(
        TARGET,
        "target.insecure",
        "--insecure",
        is_flag=True,
        value=True,
        help="Accept any certificate. For tests only: others can then read the token and change answers",
    ),
    _setting(TARGET, "target.proxy", "--proxy", metavar="URL", help="URL of an HTTP proxy"),
    _setting(
        TARGET,
        "sandbox.data",
        "--sandbox-data",
        metavar="FILE",
        help="With --target sandbox: file that keeps its data [default: none, data is lost after the run]",
    ),
    _setting(
        TARGET,
        "sandbox.faults",
        "--sandbox-faults",
        metavar="FILE",
        help="With --target sandbox: fault plan (YAML)",
    ),
    _setting(
        TARGET,
        "sandbox.dialect",
        "--dialect",
        metavar="NAME",
        choices=("v3.3", "v3.8", "v4"),
        help="With --target sandbox: Midaz version to imitate: v3.3, v3.8 or v4 [default: v3.8]",
    ),
    _setting(
        TARGET,
        "target.transport",
        "--transport",
        metavar="NAME",
        choices=("wire", "session"),
        help="HTTP client: wire (fast) or session (full-featured aiohttp client) [default: wire]",
    ),
)
"""Flags about the server and the way to it."""
TIMEOUT_OPTION = _setting(
    PACE,
    "target.requestTimeoutS",
    "--timeout",
    metavar="SECONDS",
    help="Timeout of one attempt [default: 30]",
)
RUN_OPTIONS = (
    _setting(
        RUNS, RUNS_PATH, "--runs-dir", metavar="DIR", help="Directory of the runs and their journals [default: runs]"
    ),
    _setting(
        RUNS,
        "journal.enabled",
        "--journal/--no-journal",
        default=None,
        help="Keep a journal, so that a killed run can be resumed [default: yes]",
    ),
    _setting(
        OUTPUT,
        "log.level",
        "--debug",
        "-d",
        is_flag=True,
        value="debug",
        help="Log at debug level, down to single requests",
    ),
    _setting(
        OUTPUT,
        "log.format",
        "--log-format",
        metavar="FORMAT",
        choices=("console", "json"),
        help="Log format: console or json [default: console]",
    ),
)
"""Flags about the files of a run, and logs."""
WARM_UP_OPTION = _setting(
    PACE,
    "generation.limits.warmupS",
    "--warm-up",
    metavar="TIME",
    help="Warm-up: exclude this time, such as 30s, from the steady-state figures",
)
DURATION_OPTION = _setting(
    PACE,
    "generation.limits.durationS",
    "--duration",
    metavar="TIME",
    help="Time limit for the whole run, verification included, such as 90s or 10m; does the part of the plan that fits",
)
SLICE_OPTION = _setting(
    PACE,
    "generation.limits.slice",
    "--slice",
    metavar="I/N",
    help="Take the i-th of n parts of the ledgers and of these limits; start the others elsewhere, then: "
    "midaz-seed runs merge",
)
TARGET_OPTIONS = (
    *SERVER_OPTIONS,
    _setting(
        PACE,
        "generation.limits.maxConcurrency",
        "--concurrency",
        "-c",
        metavar="N|auto",
        help="Maximum requests in flight; auto searches for the smallest concurrency "
        "with maximum throughput [default: 16]",
    ),
    _setting(
        PACE,
        "generation.limits.requestsPerSecond",
        "--rate",
        metavar="N",
        help="Maximum requests per second; 0 means no limit [default: 0]",
    ),
    _setting(
        PACE,
        "generation.limits.openLoop",
        "--open-loop",
        is_flag=True,
        value=True,
        help="Open model: start requests at --rate regardless of responses, and measure latency from the scheduled "
        "start [default: closed model]",
    ),
    _setting(
        PACE,
        "generation.limits.arrivals",
        "--arrivals",
        metavar="NAME",
        choices=("constant", "poisson"),
        help="With --open-loop: distances between requests: constant, or poisson (random) [default: constant]",
    ),
    _setting(
        PACE,
        "generation.limits.rateCurve",
        "--rate-curve",
        metavar="CURVE",
        help="With --open-loop: change the rate during the transfers, as shares of --rate: steps such as "
        "30s:25%,60s:100%, or the day of the scenario in a time: day:10m [default: constant]",
    ),
    _setting(
        PACE,
        "generation.limits.readsPerSecond",
        "--reads-per-s",
        metavar="N",
        help="Reads per second beside the transfers, in an open model of their own [default: 0]",
    ),
    _setting(
        PACE,
        "generation.limits.readsPerWrite",
        "--reads-per-write",
        metavar="N",
        help="Reads for each transaction of the transfers, such as 4 or 0.5, instead of --reads-per-s [default: 0]",
    ),
    _setting(
        PACE,
        "generation.limits.reads",
        "--reads",
        metavar="MIX",
        help="Kinds of these reads, with weights [default: balance=70,statement=20,transaction=5,list=5]",
    ),
    _setting(
        PACE,
        "generation.limits.rampS",
        "--ramp",
        metavar="TIME",
        help="Ramp up: increase requests in flight, or with --open-loop the rate, linearly over this time, such as 30s",
    ),
    WARM_UP_OPTION,
    _setting(
        PACE,
        "generation.limits.graceS",
        "--grace",
        metavar="TIME",
        help="Time to end in after Ctrl-C, SIGTERM or SIGHUP; what has no answer by then is left to the next session "
        "[default: 10s]",
    ),
    DURATION_OPTION,
    _setting(
        PACE,
        "generation.limits.shards",
        "--shards",
        metavar="N|auto",
        help="Number of processes that the ledgers are divided among; auto: one per core [default: 1]",
    ),
    SLICE_OPTION,
    _setting(
        PACE,
        "generation.retries.max",
        "--attempts",
        metavar="N",
        help="Maximum attempts of one request, including the first [default: 3]",
    ),
    TIMEOUT_OPTION,
    _setting(
        PACE,
        "errorBudgetPercent",
        "--error-budget",
        metavar="PERCENT",
        help="Percentage of failed items above which the exit code is 1 [default: 1]",
    ),
    _setting(
        PACE,
        "verification.everyTransaction",
        "--every-transaction",
        is_flag=True,
        value=True,
        help="Verify that every planned transaction is listed exactly once [default: only where anything was in doubt]",
    ),
    _setting(
        THRESHOLDS,
        "thresholds.failIf",
        "--fail-if",
        metavar="EXPR",
        multiple=True,
        help="End with exit code 5 if this is true at the end, such as 'latency_ms_p99 > 200'. Repeatable",
    ),
    _setting(
        THRESHOLDS,
        "thresholds.preset",
        "--thresholds",
        metavar="NAME",
        choices=("plan",),
        help="Add thresholds: plan has the times for small, medium and large, and fewer than 1 % errors",
    ),
    *RUN_OPTIONS,
)
"""Flags of commands that carry out a plan on a target."""
BENCH_OPTIONS = tuple(
    option for option in TARGET_OPTIONS if option not in (WARM_UP_OPTION, DURATION_OPTION, SLICE_OPTION)
)
"""The same for a benchmark, whose warm-up and duration are those of each case."""
