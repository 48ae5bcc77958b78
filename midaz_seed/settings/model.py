"""Every setting: its name, unit, range and default.

In YAML the names are camelCase, as in the improvement plan (`generation.retries.initialDelay`), in Python snake_case;
the unit is the last part of a name. `docs/configuration.md` is generated from the descriptions here.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from midaz_seed.model.ledger_shard import ALL_LEDGERS, LedgerShard, read_slice
from midaz_seed.model.rate_curve import CONSTANT
from midaz_seed.scenarios.model import DEFAULT_SCENARIO, Scenario
from midaz_seed.settings.presets import PRESETS
from midaz_seed.settings.values import (
    Auto,
    Count,
    Day,
    Duration,
    Expectation,
    FailIf,
    Headers,
    Hosts,
    ManifestFile,
    Positive,
    ProxyUrl,
    RateCurveText,
    ReadMixText,
    Resolve,
    RunId,
    ScenarioValue,
    Seconds,
    Secret,
    SliceName,
    Token,
    Url,
    read_scenario,
)


class Section(BaseModel):
    """A group of settings. Unknown names are errors; values cannot be changed after loading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


class Target(Section):
    """Which server, and how to reach it."""

    base_url: Url = Field(
        "",
        description="URL of the server, such as `http://127.0.0.1:3002`, or the word `sandbox`. Commands use "
        "`http://127.0.0.1` when no target is given.",
    )
    onboarding_url: Url = Field("", description="URL of the onboarding service, if it differs from `baseUrl`.")
    transaction_url: Url = Field("", description="URL of the transaction service, if it differs from `baseUrl`.")
    onboarding_port: int | None = Field(
        None, ge=1, le=65535, description="Port of the onboarding service, if it is separate."
    )
    transaction_port: int | None = Field(
        None, ge=1, le=65535, description="Port of the transaction service, if it is separate."
    )
    allow_hosts: Hosts = Field((), description="Hosts that may be written to; loopback is always allowed.")
    auth_token: Token | None = Field(None, description="Bearer token. Prefer the environment or a file to the flag.")
    auth_token_file: Path | None = Field(None, description="File that holds the bearer token.")
    auth_url: Url = Field(
        "", description="URL of the auth service, to get tokens with client credentials instead of a fixed token."
    )
    client_id: str = Field("", description="Client id for the auth service.")
    client_secret: Secret | None = Field(
        None, description="Client secret for the auth service. Prefer the environment or a file to the flag."
    )
    client_secret_file: Path | None = Field(None, description="File that holds the client secret.")
    resolve: Resolve = Field(
        (),
        description="IP addresses to use instead of the resolver's, each as `NAME:PORT:ADDRESS`; several addresses "
        "are separated by commas.",
    )
    headers: Headers = Field(
        (),
        description="Headers to send with every request, each as `Name: value`. They replace the default of the same "
        "name, such as `Host` or `User-Agent`.",
    )
    ca_file: Path | None = Field(None, description="CA certificates (PEM) to trust instead of the system's.")
    insecure: bool = Field(
        False,
        description="Accept any certificate: anyone on the network path can then read the token and change answers. "
        "For tests only.",
    )
    client_certificate: Path | None = Field(None, description="Client certificate (PEM).")
    client_key: Path | None = Field(
        None, description="Key (PEM) of the client certificate, unless it is in the same file."
    )
    proxy: ProxyUrl = Field(
        "", description="URL of an HTTP proxy, such as `http://127.0.0.1:8080`; selects the transport `session`."
    )
    request_timeout_s: Seconds = Field(30.0, description="Timeout of one attempt of a request, in seconds.")
    transport: Literal["wire", "session"] = Field(
        "wire",
        description="HTTP client: `wire` (fast, httptools) or `session` (full-featured, aiohttp).",
    )
    connect_timeout_s: Seconds = Field(5.0, description="Timeout for opening a connection, in seconds.")

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.insecure and self.ca_file is not None:
            raise ValueError("insecure accepts any certificate, so caFile has no effect: leave out one of them")
        own = any(line.get_secret_value().partition(":")[0].lower() == "authorization" for line in self.headers)
        if own and (self.auth_token or self.auth_token_file or self.client_secret or self.client_secret_file):
            raise ValueError("the header Authorization and a token exclude each other: leave out one of them")
        return self


class Sandbox(Section):
    """The embedded server that the target `sandbox` starts and stops."""

    data: Path | None = Field(None, description="SQLite file for its data; without one the data is temporary.")
    faults: Path | None = Field(None, description="Fault plan (YAML).")
    dialect: Literal["v3.3", "v3.8", "v4"] = Field("v3.8", description="Midaz version to imitate.")


class Volume(Section):
    """The counts of the plan. The preset sets them; each can be overridden."""

    organizations: Positive = Field(2, description="Number of organizations.")
    ledgers_per_organization: Positive = Field(2, description="Ledgers in each organization.")
    assets_per_ledger: Positive = Field(3, description="Assets in each ledger: the first ones of the templates.")
    portfolios_per_ledger: Count = Field(2, description="Portfolios in each ledger.")
    segments_per_ledger: Count = Field(2, description="Segments in each ledger.")
    account_types_per_ledger: Annotated[int, Field(ge=0, le=5)] = Field(
        0, description="Account types to register in each ledger; 0 uses account types without registering them."
    )
    accounts_per_ledger: Positive = Field(
        100, description="Customer accounts in each ledger, distributed evenly over its assets."
    )
    transactions_per_account: Count = Field(
        20,
        description="Movements per account: one deposit, the rest transfers from this account. 0 means none.",
    )
    customers: Positive | None = Field(
        None, description="Customers in each ledger, instead of the scenario's number. Not for the scenario `classic`."
    )
    movements: Annotated[int, Field(ge=0, le=100_000_000)] | None = Field(
        None,
        description="Movements by chance in each ledger, instead of the scenario's number. Not for the scenario "
        "`classic`.",
    )


MetadataMode = Literal["full", "mark", "none"]


class Data(Section):
    """The generated people and companies, and what transactions carry as metadata."""

    individuals_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        70, description="Percentage of people (CPF) among the account holders; the rest are companies (CNPJ)."
    )
    alphanumeric_cnpj: bool = Field(False, description="Use the alphanumeric CNPJ, issued since July 2026.")
    documents: Literal["valid", "impossible"] = Field(
        "valid",
        description="CPF and CNPJ numbers: `valid` ones, whose check digits are right, or `impossible` ones, which no "
        "person or company can have.",
    )
    day: Day = Field(
        date(2026, 11, 25),
        description="Day of the payment ids and due dates, in scenarios whose movements have no dates of their own.",
    )
    metadata: MetadataMode = Field(
        "full",
        description="Metadata of transactions: `full` (marks, payment rails, the scenario's), `mark` (only the mark "
        "that identifies the item) or `none`, which spares the server a write to MongoDB for each transaction: the "
        "mark is then at the end of the description.",
    )


class Retries(Section):
    """Retries of failed attempts."""

    max: Annotated[int, Field(ge=1, le=100)] = Field(
        3, description="Maximum attempts of one request, including the first."
    )
    backoff: Literal["exponential", "linear"] = Field(
        "exponential", description="Growth of the pause between attempts."
    )
    initial_delay: Annotated[float, Field(gt=0, le=60_000)] = Field(
        100.0, description="Pause before the second attempt, in milliseconds."
    )
    max_delay: Annotated[float, Field(gt=0, le=600_000)] = Field(2000.0, description="Maximum pause, in milliseconds.")
    jitter: bool = Field(True, description="Randomize each pause between zero and its full length (full jitter).")

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        if self.max_delay < self.initial_delay:
            raise ValueError("maxDelay must not be less than initialDelay")
        return self


class Batches(Section):
    """How work is grouped."""

    accounts_per_batch: Positive = Field(100, description="Maximum accounts of one ledger in flight at once.")
    transactions_per_batch: Annotated[
        Annotated[int, Field(ge=1, le=500)] | Auto, Expectation("a whole number from 1 to 500, or auto")
    ] = Field(
        1,
        description="Maximum movements in one n:n transaction; 1 sends each movement alone. From twice the transfers "
        "of an account on, a transaction has all transfers of several accounts. `auto` measures before the run which "
        "number gives the highest throughput on the target, in a temporary organization (removed afterwards).",
    )
    pack_latency_ms_p99: Annotated[float, Field(gt=0, le=600_000)] = Field(
        1000.0,
        description="With `transactionsPerBatch: auto`: maximum latency of a transaction (99th percentile, in "
        "milliseconds); larger batches are not chosen.",
    )


class Limits(Section):
    """The load on the server."""

    max_concurrency: Annotated[
        Annotated[int, Field(ge=1, le=4096)] | Auto, Expectation("a whole number from 1 to 4,096, or auto")
    ] = Field(
        16,
        description="Maximum requests in flight, over all ledgers. `auto` searches for the smallest concurrency with "
        "maximum throughput and keeps adapting to the server.",
    )
    requests_per_second: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        0.0, description="Maximum requests per second (token bucket); 0 means no limit."
    )
    open_loop: bool = Field(
        False,
        description="Open model: start requests at `requestsPerSecond` regardless of responses. Latency is measured "
        "from the scheduled start. A slot that no worker takes within a second is dropped and reported.",
    )
    arrivals: Literal["constant", "poisson"] = Field(
        "constant",
        description="In the open model, the distances between requests: `constant`, or `poisson` (exponentially "
        "distributed, as requests of independent users arrive).",
    )
    rate_curve: RateCurveText = Field(
        CONSTANT,
        description="In the open model, how the rate changes from the first transfer on, as shares of "
        "`requestsPerSecond`: `constant`; steps, such as `30s:25%,60s:100%`, the last one kept; or the hours of "
        "the scenario's day in a shorter time, such as `day:10m`, repeated, whose busiest time has the whole rate.",
    )
    reads_per_second: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        0.0,
        description="Reads per second beside the transfers, in an open model of their own, in addition to "
        "`maxConcurrency` and `requestsPerSecond`; 0 means none.",
    )
    reads_per_write: Annotated[float, Field(ge=0, le=1_000)] = Field(
        0.0,
        description="Reads for each transaction of the transfers, instead of `readsPerSecond`: 4 makes four fifths of "
        "the load reads; 0 means none.",
    )
    reads: ReadMixText = Field(
        "balance=70,statement=20,transaction=5,list=5",
        description="Kinds of these reads, each with its weight: `balance` and `statement` of an account, a "
        "`transaction` by id, the `list` of the last ones.",
    )
    reads_zipf: Annotated[float, Field(ge=0, le=10)] = Field(
        0.99, description="Exponent by which these reads choose an account; 0 means each with the same probability."
    )
    ramp_s: Duration = Field(
        0.0,
        description="Ramp-up time at the start, in which the load increases linearly: in the open model the rate, else "
        "the requests in flight.",
    )
    warmup_s: Duration = Field(
        0.0, description="Warm-up time after the first movement, excluded from the steady-state figures of the report."
    )
    shards: Annotated[
        Annotated[int, Field(ge=1, le=32)] | Auto, Expectation("a whole number from 1 to 32, or auto")
    ] = Field(
        1, description="Processes that the ledgers and the limits above are divided among; `auto` means one per core."
    )
    slice: SliceName = Field(
        "",
        description="The part of the ledgers, and of the limits above, that this process takes when several are "
        "started for one run, such as `2/8`: the second of eight. Empty means everything.",
    )
    duration_s: Duration = Field(
        0.0,
        description="Time limit for the whole run, including settlement and verification; the run does the part of the "
        "plan that fits. 0 means no limit.",
    )
    grace_s: Duration = Field(
        10.0,
        description="Grace time: maximum time from SIGINT, SIGTERM or SIGHUP to the end of the process. Waits end at "
        "once; requests in flight that change something may finish, and what has no answer by then is left to the "
        "next session.",
    )
    ledgers_in_parallel: Annotated[int, Field(ge=1, le=1024)] = Field(
        8, description="Maximum ledgers that are filled at the same time."
    )

    def share(self, of: int) -> Self:
        """Return the limits of one of `of` processes that divide these among themselves."""
        in_flight = self.max_concurrency
        return self.model_copy(
            update={
                "max_concurrency": in_flight if in_flight == "auto" else max(in_flight // of, 1),
                "requests_per_second": self.requests_per_second / of,
                "reads_per_second": self.reads_per_second / of,
                "ledgers_in_parallel": max(self.ledgers_in_parallel // of, 1),
            }
        )

    @property
    def has_reads(self) -> bool:
        """Whether reads are sent beside the writes."""
        return bool(self.reads_per_second or self.reads_per_write)

    @property
    def shard(self) -> LedgerShard:
        """The ledgers that `slice` names."""
        return read_slice(self.slice) if self.slice else ALL_LEDGERS

    @model_validator(mode="after")
    def _load_is_possible(self) -> Self:
        automatic = self.max_concurrency == "auto"
        if self.open_loop and not self.requests_per_second:
            raise ValueError("openLoop needs requestsPerSecond: the rate at which requests start")
        if self.open_loop and automatic:
            raise ValueError("openLoop cannot be combined with maxConcurrency auto: set a number")
        is_curved = self.rate_curve != CONSTANT
        if not self.open_loop and (self.arrivals != "constant" or is_curved):
            name = "rateCurve" if is_curved else "arrivals"
            raise ValueError(f"{name} needs openLoop: in the closed model the server decides when a request starts")
        if self.ramp_s and is_curved:
            raise ValueError("rateCurve cannot be combined with rampS: begin with a step of a low rate")
        if self.ramp_s and automatic:
            raise ValueError("rampS cannot be combined with maxConcurrency auto, which starts low anyway")
        if self.reads_per_second and self.reads_per_write:
            raise ValueError("readsPerSecond and readsPerWrite both say how many reads are sent: set one of them")
        return self


class Generation(Section):
    """Execution of the plan."""

    retries: Retries = Retries()
    batches: Batches = Batches()
    limits: Limits = Limits()


class Breaker(Section):
    """The circuit breaker: while the server is down, requests wait; none is dropped."""

    failures: Positive = Field(5, description="Consecutive failures after which it opens.")
    open_s: Seconds = Field(60.0, description="Time that it stays open before it sends trial requests, in seconds.")
    successes: Positive = Field(3, description="Successful trial requests after which it closes.")
    give_up_s: Seconds = Field(
        600.0, description="Time without closing, in seconds, after which the run ends with exit code 3."
    )


class Settlement(Section):
    """The barrier between deposits and transfers: it waits until the server's balances show all deposits."""

    deadline_s: Seconds = Field(60.0, description="Maximum time until a ledger shows all its deposits, in seconds.")
    initial_delay_s: Seconds = Field(
        0.05, description="First pause between two reads of the balances, in seconds; it doubles each time."
    )
    max_delay_s: Seconds = Field(2.0, description="Maximum pause between two reads of the balances, in seconds.")

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        if self.max_delay_s < self.initial_delay_s:
            raise ValueError("maxDelayS must not be less than initialDelayS")
        return self


class Idempotency(Section):
    """Idempotency keys, which prevent a movement from being made twice."""

    ttl_s: Annotated[int, Field(ge=10, le=604_800)] = Field(
        300,
        description="Lifetime of a key on the server (`X-TTL`), in seconds.",
    )
    margin_s: Annotated[int, Field(ge=0, le=86_400)] = Field(
        30,
        description="A key is sent again only until ttlS minus marginS seconds after its first attempt. Set it higher "
        "than the longest time that a proxy or network can delay a request.",
    )

    @model_validator(mode="after")
    def _margin_inside_ttl(self) -> Self:
        if self.margin_s >= self.ttl_s:
            raise ValueError("marginS must be less than ttlS, otherwise no request could be retried")
        return self


class Journal(Section):
    """The journal of a run, from which a killed run is resumed."""

    enabled: bool = Field(
        True, description="Keep a journal. Not used with a sandbox without data file: nothing is left to resume."
    )
    directory: Path = Field(
        Path("runs"),
        description="Directory of the runs; each run has a subdirectory named after its run id and its server.",
    )


class Stop(Section):
    """Rules that end a run early, like Ctrl-C: requests in flight are finished and reported. 0 disables a rule."""

    error_rate_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        0.0, description="Maximum percentage of failed attempts within the window."
    )
    latency_ms_p99: Annotated[float, Field(ge=0, le=600_000)] = Field(
        0.0, description="Maximum latency within the window (99th percentile, in milliseconds)."
    )
    settlement_lag_s: Annotated[float, Field(ge=0, le=86_400)] = Field(
        0.0, description="Maximum time until a ledger shows all its deposits, in seconds."
    )
    window_s: Seconds = Field(30.0, description="Length of the window for error rate and latency, in seconds.")


class Thresholds(Section):
    """Conditions under which a run that is otherwise fine ends with exit code 5. They are evaluated at its end."""

    fail_if: FailIf = Field(
        (),
        description="Expressions that make the run fail when they are true, such as `latency_ms_p99 > 200`, "
        "`transfers.latency_ms_p99 > 200ms` or `movements_per_s < 400`.",
    )
    preset: Literal["plan"] | None = Field(
        None,
        description="Thresholds to add: `plan` has the success metrics of the improvement plan: fewer than 1 % of the "
        "items fail or are left out, and the run takes less than 30 s (small), 2 min (medium) or 10 min (large).",
    )


class Verification(Section):
    """The verification at the end of a run."""

    enabled: bool = Field(
        True, description="Compare every balance and count on the server with the plan at the end of a run."
    )
    sample_per_ledger: Count = Field(10, description="Transactions of each ledger to read back with their operations.")
    every_transaction: bool = Field(
        False,
        description="List the transactions of every ledger, and check that each planned one exists exactly once. By "
        "default this is done only for ledgers in which a transaction was in doubt or the run was resumed.",
    )


class Log(Section):
    """Logs on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="Minimum level of the messages to show."
    )
    format: Literal["console", "json"] = Field(
        "console", description="Log format: `console` for people, `json` for programs."
    )


def _default_scenario() -> Scenario:
    from midaz_seed.scenarios.loader import load_scenario

    return load_scenario(DEFAULT_SCENARIO)


class Settings(Section):
    """All settings of one run."""

    preset: Literal["tiny", "small", "medium", "large"] = Field(
        "small", description="Preset for the counts of `volume` that are not given."
    )
    scenario: ScenarioValue = Field(
        default_factory=_default_scenario,
        description="What the data consists of: a built-in scenario or a file; `midaz-seed scenario list` shows them.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        1, description="Seed of the data: the same seed and settings give the same plan, byte for byte."
    )
    run_id: RunId | None = Field(
        None,
        description="Id that every created object carries in its metadata. By default it is derived from the plan, so "
        "that the same command finds the objects of an earlier run.",
    )
    error_budget_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        1.0, description="Percentage of failed items above which the exit code is 1."
    )
    report: Path | None = Field(
        None, description="File to write the report to (JSON); - prints it on stdout instead of the text."
    )
    manifest: ManifestFile | None = Field(
        None,
        description="File to write the manifest to, .json or .csv: every account with its id, holder and expected "
        "balance.",
    )
    target: Target = Target()
    sandbox: Sandbox = Sandbox()
    volume: Volume = Volume()
    data: Data = Data()
    generation: Generation = Generation()
    breaker: Breaker = Breaker()
    settlement: Settlement = Settlement()
    idempotency: Idempotency = Idempotency()
    journal: Journal = Journal()
    stop: Stop = Stop()
    thresholds: Thresholds = Thresholds()
    verification: Verification = Verification()
    log: Log = Log()

    @property
    def keeps_a_journal(self) -> bool:
        """Whether runs keep a journal. With a sandbox without data file there is nothing to resume, so they do not."""
        return self.journal.enabled and not self.has_temporary_sandbox

    @property
    def has_temporary_sandbox(self) -> bool:
        """Whether the target is a sandbox without data file, whose data ends with the command."""
        return self.target.base_url == "sandbox" and self.sandbox.data is None

    @property
    def unused_counts(self) -> frozenset[str]:
        """The paths of the settings about counts that have no effect on this scenario."""
        return unused_counts(self.scenario)

    @model_validator(mode="before")
    @classmethod
    def _preset_or_scenario_fills_volume(cls, values: Any) -> Any:
        """Apply the preset in `Settings(preset="medium")` too, not only to loaded settings."""
        if not isinstance(values, Mapping):
            return values
        scenario = values.get("scenario", DEFAULT_SCENARIO)
        if isinstance(scenario, str) and scenario:
            scenario = read_scenario(scenario)
        counts = PRESETS.get(str(values.get("preset", "small")))
        given = values.get("volume", {})
        if counts is None or not isinstance(given, Mapping) or not isinstance(scenario, Scenario):
            return values
        if not scenario.volume.from_settings:
            unused = sorted({f"volume.{to_camel(name)}" for name in given} & unused_counts(scenario))
            if unused:
                raise ValueError(f"{', '.join(unused)} has no effect on the scenario {scenario.scenario}")
            volume = scenario.volume
            counts = {**counts, "organizations": volume.organizations, "ledgers_per_organization": volume.ledgers}
        filled = {to_camel(name): count for name, count in {**counts, **given}.items()}
        return {**values, "scenario": scenario, "volume": filled}

    @model_validator(mode="after")
    def _counts_fit_the_scenario(self) -> Self:
        if self.scenario.volume.from_settings and (self.volume.customers or self.volume.movements is not None):
            raise ValueError(f"customers and movements have no effect on the scenario {self.scenario.scenario}")
        return self


def unused_counts(scenario: Scenario) -> frozenset[str]:
    """Return the paths of the settings about counts that have no effect on a scenario."""
    if scenario.volume.from_settings:
        return frozenset({"volume.customers", "volume.movements"})
    used = {"organizations", "ledgers_per_organization", "customers", "movements"}
    return frozenset({"preset", *(f"volume.{to_camel(name)}" for name in Volume.model_fields if name not in used)})
