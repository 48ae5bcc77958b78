"""Every setting: its name, unit, range and default.

In YAML the names are camelCase as the improvement plan spells them (`generation.retries.initialDelay`), in Python
snake_case; a unit stands last in the name. `docs/configuration.md` is generated from the descriptions here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from midaz_seed.settings.presets import PRESETS
from midaz_seed.settings.values import (
    Auto,
    Count,
    Duration,
    Expectation,
    Headers,
    Hosts,
    Positive,
    RunId,
    Seconds,
    Token,
)


class Section(BaseModel):
    """A group of settings: unknown names are refused, values cannot be changed after loading."""

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

    base_url: str = Field("", description="The server, such as `http://127.0.0.1:3002`, or the word `sandbox`.")
    onboarding_url: str = Field("", description="The onboarding service, where it has an address of its own.")
    transaction_url: str = Field("", description="The transaction service, where it has an address of its own.")
    onboarding_port: int | None = Field(
        None, ge=1, le=65535, description="Port of the onboarding service when it is separate."
    )
    transaction_port: int | None = Field(
        None, ge=1, le=65535, description="Port of the transaction service when it is separate."
    )
    allow_hosts: Hosts = Field((), description="Hosts beside loopback that may be written to.")
    auth_token: Token | None = Field(
        None, description="Bearer token. Better given by environment or file than by flag."
    )
    auth_token_file: Path | None = Field(None, description="File that holds the bearer token.")
    auth_url: str = Field(
        "", description="Address of the auth service, for a token by client credentials instead of a fixed one."
    )
    client_id: str = Field("", description="Client id for the auth service.")
    client_secret: Token | None = Field(
        None, description="Client secret for the auth service. Better given by environment or file than by flag."
    )
    client_secret_file: Path | None = Field(None, description="File that holds the client secret.")
    headers: Headers = Field((), description="Headers that go with every request, each as `Name: value`.")
    ca_file: Path | None = Field(None, description="Certificates (PEM) to trust instead of the system's.")
    client_certificate: Path | None = Field(None, description="Certificate (PEM) that this client shows to the server.")
    client_key: Path | None = Field(None, description="Key (PEM) of that certificate, unless it is in the same file.")
    proxy: str = Field("", description="HTTP proxy, such as `http://127.0.0.1:8080`; it uses the transport `session`.")
    request_timeout_s: Seconds = Field(30.0, description="How long one attempt of a request may take.")
    transport: Literal["wire", "session"] = Field(
        "wire",
        description="The data plane: `wire` is the fast one, `session` a full HTTP client (aiohttp) for odd servers.",
    )
    connect_timeout_s: Seconds = Field(5.0, description="How long making a connection may take.")


class Sandbox(Section):
    """The embedded server that the target `sandbox` starts and ends."""

    data: Path | None = Field(None, description="File that keeps its data; without one it is temporary.")
    faults: Path | None = Field(None, description="Fault plan (YAML) that it misbehaves by.")
    dialect: Literal["v3.3", "v3.8", "v4"] = Field("v3.8", description="The Midaz version that it answers as.")


class Volume(Section):
    """How much of everything. The preset fills these in; each can be overridden."""

    organizations: Positive = Field(2, description="Organizations.")
    ledgers_per_organization: Positive = Field(2, description="Ledgers in each organization.")
    assets_per_ledger: Positive = Field(3, description="Assets in each ledger, from the templates in their order.")
    portfolios_per_ledger: Count = Field(2, description="Portfolios in each ledger.")
    segments_per_ledger: Count = Field(2, description="Segments in each ledger.")
    account_types_per_ledger: Annotated[int, Field(ge=0, le=5)] = Field(
        0, description="Account types registered in each ledger; 0 uses the types without registering them."
    )
    accounts_per_ledger: Positive = Field(
        100, description="Customer accounts in each ledger, spread evenly over its assets."
    )
    transactions_per_account: Count = Field(
        20,
        description="Movements per account: one deposit, the rest transfers with this account as the source. 0: none.",
    )


class Data(Section):
    """What the generated people and companies look like."""

    individuals_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        70, description="Share of people (CPF) among the account holders; the rest are companies (CNPJ)."
    )
    alphanumeric_cnpj: bool = Field(False, description="Use the alphanumeric CNPJ that is issued since July 2026.")


class Retries(Section):
    """How often and how patiently a failed attempt is repeated."""

    max: Annotated[int, Field(ge=1, le=100)] = Field(3, description="Attempts of one request, the first included.")
    backoff: Literal["exponential", "linear"] = Field(
        "exponential", description="How the pause grows from attempt to attempt."
    )
    initial_delay: Annotated[float, Field(gt=0, le=60_000)] = Field(100.0, description="First pause, in milliseconds.")
    max_delay: Annotated[float, Field(gt=0, le=600_000)] = Field(2000.0, description="Longest pause, in milliseconds.")
    jitter: bool = Field(True, description="Draw the pause at random between zero and its length (full jitter).")

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        if self.max_delay < self.initial_delay:
            raise ValueError("maxDelay must not be less than initialDelay")
        return self


class Batches(Section):
    """How work is grouped."""

    accounts_per_batch: Positive = Field(
        100, description="Accounts of one ledger in flight before the next batch of that ledger starts."
    )
    transactions_per_batch: Annotated[
        Annotated[int, Field(ge=1, le=500)] | Auto, Expectation("a whole number from 1 to 500, or auto")
    ] = Field(
        1,
        description="Movements packed into one n:n transaction; 1 sends each on its own; `auto` measures on the target "
        "which number moves the most per second, before the run, in an organization that is removed again.",
    )
    pack_latency_ms_p99: Annotated[float, Field(gt=0, le=600_000)] = Field(
        1000.0,
        description="With `transactionsPerBatch: auto`: a number whose transactions take longer than this (99th "
        "percentile, in milliseconds) is not taken.",
    )


class Limits(Section):
    """How hard the server is driven."""

    max_concurrency: Annotated[
        Annotated[int, Field(ge=1, le=4096)] | Auto, Expectation("a whole number from 1 to 4,096, or auto")
    ] = Field(
        16,
        description="Requests in flight at once, over all ledgers; `auto` finds the fewest that give the most, "
        "and follows the server when that changes.",
    )
    requests_per_second: Annotated[float, Field(ge=0, le=1_000_000)] = Field(
        0.0, description="Token-bucket limit on requests a second; 0 means no limit."
    )
    open_loop: bool = Field(
        False,
        description="Send at the moments that `requestsPerSecond` gives, whatever the server does. Latencies count "
        "from them; a moment that nobody was free for within a second is dropped, and told.",
    )
    ramp_s: Duration = Field(
        0.0,
        description="Time from the beginning in which the load grows: an open loop's rate, else requests in flight.",
    )
    warmup_s: Duration = Field(
        0.0, description="Time from the first movement that is left out of the steady window of the report."
    )
    shards: Annotated[
        Annotated[int, Field(ge=1, le=32)] | Auto, Expectation("a whole number from 1 to 32, or auto")
    ] = Field(
        1, description="Processes that share the ledgers, and the limits above, among them; `auto`: one for each core."
    )
    duration_s: Duration = Field(
        0.0,
        description="Time for the whole run, settlement and proof included: as much of the plan is done as fits. "
        "0: until the plan is done.",
    )
    ledgers_in_parallel: Annotated[int, Field(ge=1, le=1024)] = Field(
        8, description="Ledgers that are filled at the same time."
    )

    @model_validator(mode="after")
    def _load_is_possible(self) -> Self:
        automatic = self.max_concurrency == "auto"
        if self.open_loop and not self.requests_per_second:
            raise ValueError("openLoop needs requestsPerSecond: the rate at which requests begin")
        if self.open_loop and automatic:
            raise ValueError("openLoop cannot have maxConcurrency auto: give the number that may be in flight")
        if self.ramp_s and automatic:
            raise ValueError("maxConcurrency auto begins low by itself: leave rampS out")
        return self


class Generation(Section):
    """How the plan is carried out."""

    retries: Retries = Retries()
    batches: Batches = Batches()
    limits: Limits = Limits()


class Breaker(Section):
    """The circuit breaker around the client: it parks requests while the server is down, and drops none."""

    failures: Positive = Field(5, description="Consecutive failures that open it.")
    open_s: Seconds = Field(60.0, description="How long it stays open before it tries again, in seconds.")
    successes: Positive = Field(3, description="Successful tries that close it again.")
    give_up_s: Seconds = Field(
        600.0, description="The run ends with exit code 3 when it has not closed for this long, in seconds."
    )


class Settlement(Section):
    """The barrier between deposits and transfers: it watches the balances that the server reports."""

    deadline_s: Seconds = Field(60.0, description="How long one ledger may take to show all its deposits, in seconds.")
    initial_delay_s: Seconds = Field(0.05, description="First pause between two looks, in seconds; it doubles.")
    max_delay_s: Seconds = Field(2.0, description="Longest pause between two looks, in seconds.")

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        if self.max_delay_s < self.initial_delay_s:
            raise ValueError("maxDelayS must not be less than initialDelayS")
        return self


class Idempotency(Section):
    """How movements are kept from happening twice."""

    ttl_s: Annotated[int, Field(ge=10, le=604_800)] = Field(
        300,
        description="Lifetime of a key on the server (`X-TTL`), in seconds; a slot costs it about 2.7 kB of Redis.",
    )
    margin_s: Annotated[int, Field(ge=0, le=86_400)] = Field(
        30,
        description="A key is sent again only while its first attempt is younger than ttlS less this many seconds; "
        "nothing between here and the server may hold a request for longer.",
    )

    @model_validator(mode="after")
    def _margin_inside_ttl(self) -> Self:
        if self.margin_s >= self.ttl_s:
            raise ValueError("marginS must be less than ttlS, or no request could ever be sent again")
        return self


class Journal(Section):
    """What a run writes down, so that it can go on after it was killed."""

    enabled: bool = Field(
        True, description="Keep a journal. A sandbox that ends with the run gets none: nothing is left to go on with."
    )
    directory: Path = Field(Path("runs"), description="Directory of the runs; each has its own in it, by its run id.")


class Stop(Section):
    """Rules that end a run early, as Ctrl-C does: what is in flight is finished and reported. 0 switches one off."""

    error_rate_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        0.0, description="Share of failed attempts within the window, in percent, above which the run ends."
    )
    latency_ms_p99: Annotated[float, Field(ge=0, le=600_000)] = Field(
        0.0, description="99th percentile of the latency within the window, in milliseconds, above which the run ends."
    )
    settlement_lag_s: Annotated[float, Field(ge=0, le=86_400)] = Field(
        0.0, description="How long deposits of one ledger may stay invisible before the run ends, in seconds."
    )
    window_s: Seconds = Field(30.0, description="How far back error rate and latency are looked at, in seconds.")


class Verification(Section):
    """The proof at the end of a run."""

    enabled: bool = Field(
        True, description="Compare every balance and count on the server with the plan at the end of a run."
    )
    sample_per_ledger: Count = Field(
        10, description="Transactions of each ledger that are read back with their operations."
    )
    every_transaction: bool = Field(
        False,
        description="Read every transaction of every ledger, and find each planned one exactly once. Without it that "
        "is done where a doubt, a resumption or an odd answer left anything to be decided.",
    )


class Log(Section):
    """What is written to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="The least severe level that is shown."
    )
    format: Literal["console", "json"] = Field("console", description="For people or for machines.")


class Settings(Section):
    """All settings of one run."""

    preset: Literal["tiny", "small", "medium", "large"] = Field(
        "small", description="Fills in every count of `volume` that is not given."
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        1, description="Same seed and settings: the same plan, to the byte."
    )
    run_id: RunId | None = Field(
        None,
        description="Mark that every created object carries. By default it follows from the plan, so that running "
        "again finds what is there.",
    )
    error_budget_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        1.0, description="Share of failed items, in percent, above which the exit code is 1."
    )
    report: Path | None = Field(None, description="File for the machine-readable report (JSON).")
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
    verification: Verification = Verification()
    log: Log = Log()

    @property
    def keeps_a_journal(self) -> bool:
        """Whether runs write one. A sandbox that ends with the run leaves nothing to go on with, so it gets none."""
        passing = self.target.base_url == "sandbox" and self.sandbox.data is None
        return self.journal.enabled and not passing

    @model_validator(mode="before")
    @classmethod
    def _preset_fills_volume(cls, values: Any) -> Any:
        """`Settings(preset="medium")` has medium's counts, however the settings are made."""
        if not isinstance(values, Mapping):
            return values
        counts = PRESETS.get(str(values.get("preset", "small")))
        given = values.get("volume", {})
        if counts is None or not isinstance(given, Mapping):
            return values
        return {**values, "volume": {to_camel(name): count for name, count in {**counts, **given}.items()}}
