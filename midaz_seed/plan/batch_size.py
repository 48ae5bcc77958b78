"""Choose the batch size for `transactionsPerBatch: auto`. Pure; `probe.batch_size_trial` measures."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from midaz_seed.settings.model import Settings

LADDER = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Batch sizes to try."""
NEARLY = 0.95
"""The smallest batch size with this share of the highest throughput is chosen: its answers come sooner, and a lost
answer leaves fewer movements in doubt."""
REFUSED_MAX = 0.05
"""Maximum share of rejected transactions for a batch size to be chosen."""
FALLING = 0.8
"""Larger batch sizes are not tried after one with less than this share of the highest throughput."""


@dataclass(frozen=True, slots=True)
class BatchSizeTrial:
    """The measurement of one batch size."""

    size: int
    """Movements in one transaction."""
    movements_per_s: float
    latency_ms_p99: float
    """99th percentile of the time from sending a transaction to its answer."""
    refused_share: float = 0.0
    refusal: str = ""
    """The server's message for the first rejection."""

    def fits(self, latency_ms_p99_max: float) -> bool:
        """Return whether the size may be chosen."""
        return self.refused_share <= REFUSED_MAX and self.latency_ms_p99 <= latency_ms_p99_max


@dataclass(frozen=True, slots=True)
class BatchSizeChoice:
    """The chosen batch size, the reason, and the measurements."""

    size: int
    reason: str
    trials: tuple[BatchSizeTrial, ...] = ()
    elapsed_s: float = 0.0
    """Duration of all measurements."""


def batch_sizes(settings: Settings) -> tuple[int, ...]:
    """Return the batch sizes to try, ascending, up to the largest that most transactions of this plan can have.

    A batch has transfers of one source account, or all those of several; in a plan without transfers, deposits of one
    asset.
    """
    volume = settings.volume
    transfers, alike = transfers_of(settings), volume.accounts_per_ledger // volume.assets_per_ledger
    if not volume.transactions_per_account:
        return (1,)
    most = min(transfers * max(sources_max(settings), 1) if transfers else alike, LADDER[-1])
    sizes = (size if size < transfers or not transfers else size - size % transfers for size in LADDER if size < most)
    return tuple(sorted({1, most, *sizes, *([transfers] if 0 < transfers < most else [])}))


def transfers_of(settings: Settings) -> int:
    """Return the transfers of each account; 0 without any."""
    return max(settings.volume.transactions_per_account - 1, 0)


def sources_max(settings: Settings) -> int:
    """Return the number of source accounts that most batches can have.

    No account may be on both sides. With n accounts of an asset that make r transfers each, about n / r of them make no
    transfer among themselves: the classes of a greedy colouring of a random graph are of that size.
    """
    volume, transfers = settings.volume, transfers_of(settings)
    return volume.accounts_per_ledger // volume.assets_per_ledger // transfers if transfers else 1


def best_batch_size(trials: Iterable[BatchSizeTrial], *, latency_ms_p99_max: float) -> BatchSizeChoice:
    """Choose the smallest size with nearly the highest throughput, of those within the latency limit."""
    tried = tuple(sorted(trials, key=lambda trial: trial.size))
    fitting = [trial for trial in tried if trial.fits(latency_ms_p99_max)]
    if not fitting:
        reason = f"no batch size met the limit of {latency_ms_p99_max:g} ms (p99) without rejections"
        return BatchSizeChoice(1, reason, tried)
    most = max(trial.movements_per_s for trial in fitting)
    best = next(trial for trial in fitting if trial.movements_per_s >= NEARLY * most)
    reason = f"{best.movements_per_s:,.0f} movements/s, p99 {best.latency_ms_p99:.1f} ms"
    single = tried[0]
    if best is not single and single.movements_per_s:
        reason += f", {best.movements_per_s / single.movements_per_s:.1f} times the throughput of single movements"
    return BatchSizeChoice(best.size, reason, tried)


def is_past_optimum(trials: Iterable[BatchSizeTrial], *, latency_ms_p99_max: float) -> bool:
    """Return whether sizes larger than that of the last trial are not worth trying."""
    *earlier, last = trials
    most = max((trial.movements_per_s for trial in earlier), default=0.0)
    return not last.fits(latency_ms_p99_max) or last.movements_per_s < FALLING * most


def automatic_run_id(settings: Settings) -> str:
    """Return the run id for an automatic batch size, unless one is given.

    It is derived from everything that determines the data except the batch size, so that the same command finds its run
    whatever it measures.
    """
    parts = settings.volume.model_dump(mode="json"), settings.data.model_dump(mode="json")
    if settings.data.metadata == "full":  # so that the runs of before keep their ids
        del parts[1]["metadata"]
    text = orjson.dumps([settings.seed, *parts], option=orjson.OPT_SORT_KEYS)
    return f"s{hashlib.sha256(b'auto' + text).hexdigest()[:10]}"


def with_batch_size(settings: Settings, size: int) -> Settings:
    """Return the settings with this batch size and the run id for an automatic one."""
    batches = settings.generation.batches.model_copy(update={"transactions_per_batch": size})
    generation = settings.generation.model_copy(update={"batches": batches})
    run_id = settings.run_id or automatic_run_id(settings)
    return settings.model_copy(update={"generation": generation, "run_id": run_id})
