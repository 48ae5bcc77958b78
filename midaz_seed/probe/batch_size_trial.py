"""`transactionsPerBatch: auto`: find the batch size with the most movements per second on this server.

The batch size is part of the plan, so a run keeps the one that it began with: its directory has it, and the metadata of
its organizations on the server.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from midaz_seed.clock import Clock
from midaz_seed.errors import TargetError, UnreachableError
from midaz_seed.midaz.api import MidazApi, mark_of
from midaz_seed.midaz.evidence import Reading
from midaz_seed.midaz.routes import Place
from midaz_seed.midaz.server_traits import server_of
from midaz_seed.plan.batch_size import (
    BatchSizeChoice,
    BatchSizeTrial,
    batch_sizes,
    best_batch_size,
    is_past_optimum,
    transfers_of,
    with_batch_size,
)
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.plan.marks import RUN_MARK, batch_size_of
from midaz_seed.probe.requests import reads_with_retries
from midaz_seed.probe.scratch_ledger import Burst, ScratchLedger, Trial, open_scratch_ledger
from midaz_seed.reporting.events import BatchSizeChosen, BatchSizeMeasured, Emit, LeftBehind
from midaz_seed.resilience.rate_limiter import RateLimiter
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import Transport, TransportError

TRIAL_S = 1.0
TRIAL_TRANSACTIONS_MAX = 500
"""A trial ends after this time or this number of transactions; each size has two trials."""
DURATION_SHARE = 1 / 3
"""The share of the run's time limit after which no further size is tried."""
IN_FLIGHT = 16
"""Used with `maxConcurrency: auto`, whose search has not started yet."""
ACCOUNTS_MIN = 32
ACCOUNTS_PER_DEPOSIT = 50


@dataclass(slots=True)
class _SizeTrials:
    """The trials of one size together."""

    size: int
    burst: Burst = field(default_factory=Burst)

    def add(self, burst: Burst) -> None:
        total = self.burst
        total.accepted += burst.accepted
        total.refused += burst.refused
        total.odd += burst.odd
        total.refusal = total.refusal or burst.refusal
        total.elapsed_s += burst.elapsed_s
        total.latency.merge(burst.latency)

    def trial(self) -> BatchSizeTrial:
        burst = self.burst
        failed = burst.refused + burst.odd
        return BatchSizeTrial(
            self.size,
            burst.accepted * self.size / burst.elapsed_s if burst.elapsed_s else 0.0,
            burst.latency.percentile(99) / 1000,
            failed / max(burst.accepted + failed, 1),
            burst.refusal or (f"{burst.odd} responses were not the server's" if burst.odd else ""),
        )


async def choose_batch_size(
    settings: Settings,
    transport: Transport,
    clock: Clock,
    emit: Emit,
    *,
    measure: bool,
    recorded: int | None = None,
) -> tuple[Settings, BatchSizeChoice]:
    """Choose the batch size: the one that the run already has, or the one with the most movements per second.

    Args:
        settings: those of the run.
        transport: connected to the server.
        clock: measures the trials.
        emit: gets the events of the trials.
        measure: try out sizes where the run has none yet. Otherwise nothing is written, and the size is 1.
        recorded: the size in the run's directory.

    Returns:
        The settings with the batch size, and the choice with its reason and its trials.

    Raises:
        UnreachableError: the server does not answer.
        UnauthorizedError: it refuses the credentials.
        NotMidazError: it is not a Midaz server.
        TargetError: trials are not possible, or responses are altered.
    """
    started_s = clock.monotonic()
    try:
        choice = await _found_or_measured(
            with_batch_size(settings, 1), recorded, transport, clock, emit, measure=measure
        )
    except TransportError as error:
        raise UnreachableError(str(error), hint="check the address, and that the server is up") from error
    choice = replace(choice, elapsed_s=clock.monotonic() - started_s)
    emit(BatchSizeChosen(choice.size, choice.reason, choice.elapsed_s))
    return with_batch_size(settings, choice.size), choice


async def _found_or_measured(
    settings: Settings, recorded: int | None, transport: Transport, clock: Clock, emit: Emit, *, measure: bool
) -> BatchSizeChoice:
    api = MidazApi(reads_with_retries(transport, clock), Phase.ORGANIZATIONS)
    server = server_of(await api.version())
    await api.check_access()
    async for row in api.entities(Entity.ORGANIZATION, Place(), {f"metadata.{RUN_MARK}": str(settings.run_id)}):
        if mark_of(row, RUN_MARK) == settings.run_id:
            return BatchSizeChoice(batch_size_of(row), "as the run began, according to its organization on the server")
    if not server.atomic_many_to_many:
        return BatchSizeChoice(1, f"Midaz {server.version} may apply a transaction in part")
    if recorded is not None:
        return BatchSizeChoice(recorded, "as the run began, according to its directory")
    if not measure:
        return BatchSizeChoice(1, "nothing of the run is on the server")
    sizes = batch_sizes(settings)
    if len(sizes) == 1:
        return BatchSizeChoice(1, "no transaction of this plan has more than one movement")
    return await _measured(settings, transport, clock, emit, sizes)


async def _measured(
    settings: Settings, transport: Transport, clock: Clock, emit: Emit, sizes: tuple[int, ...]
) -> BatchSizeChoice:
    """Try each size, from small to large and back, so that the warm-up of the server favours none."""
    limits, latency_ms_p99_max = settings.generation.limits, settings.generation.batches.pack_latency_ms_p99
    in_flight = IN_FLIGHT if limits.max_concurrency == "auto" else limits.max_concurrency
    admit = RateLimiter(limits.requests_per_second).next_slot if limits.requests_per_second else None
    until_s = clock.monotonic() + limits.duration_s * DURATION_SHARE if limits.duration_s else math.inf
    not_removed: list[str] = []
    try:
        async with open_scratch_ledger(transport, clock, "packing", not_removed, admit) as scratch:
            transfers = transfers_of(settings) or sizes[-1]
            accounts = await _funded(scratch, max(sizes[-1] + -(-sizes[-1] // transfers), ACCOUNTS_MIN))

            async def trial(size: int, lap: int) -> Burst:
                return await scratch.burst(
                    _trials(scratch, size, max(size // transfers, 1), lap, accounts),
                    in_flight=in_flight,
                    for_s=TRIAL_S,
                    count_max=TRIAL_TRANSACTIONS_MAX,
                )

            await trial(sizes[0], 0)  # not counted: a server that has just started is slow
            tried: list[_SizeTrials] = []
            for size in sizes:
                tried.append(_SizeTrials(size))
                tried[-1].add(await trial(size, 1))
                seen = tried[-1].trial()
                emit(BatchSizeMeasured(seen.size, seen.movements_per_s, seen.latency_ms_p99))
                past = is_past_optimum([each.trial() for each in tried], latency_ms_p99_max=latency_ms_p99_max)
                if past or clock.monotonic() > until_s:
                    break
            for each in reversed(tried) if clock.monotonic() <= until_s else ():
                each.add(await trial(each.size, 2))
    finally:
        if not_removed:
            emit(LeftBehind(tuple(not_removed)))
    return best_batch_size([each.trial() for each in tried], latency_ms_p99_max=latency_ms_p99_max)


async def _funded(scratch: ScratchLedger, count: int) -> int:
    """Create `count` accounts with money and return their number. Raises TargetError."""
    for account in range(count):
        await scratch.add_account(account)
    for first in range(0, count, ACCOUNTS_PER_DEPOSIT):
        accounts = range(first, min(first + ACCOUNTS_PER_DEPOSIT, count))
        sent = await scratch.fund(accounts, f"deposit{first}")
        if sent.reading is not Reading.OURS:
            raise TargetError(
                f"responses are altered between the server and here: {scratch.answers.writes.example}",
                hint="see `midaz-seed doctor --write` for details; connect without the gateway or proxy, or configure "
                "it to leave bodies unchanged",
            )
    return count


def _trials(scratch: ScratchLedger, size: int, sources: int, lap: int, accounts: int) -> Callable[[int], Trial]:
    """Return transfers with `size` movements each by number; their sources take turns, as in a run."""
    legs = []
    for first in range(accounts):
        parties = [(first + leg) % accounts for leg in range(sources + size)]
        legs.append(scratch.transfer_legs(parties[:sources], parties[sources:]))
    return lambda number: scratch.transfer(legs[number % accounts], f"{size}.{lap}.{number}")
