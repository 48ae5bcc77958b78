"""How many movements share a transaction where that has to be found out: `transactionsPerBatch: auto`. Pure; the engine
measures."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from midaz_seed.settings.model import Settings

LADDER = (1, 2, 5, 10, 20, 50, 100, 200, 500)
NEARLY = 0.95
"""A smaller pack that moves this share of the most is taken: its answers come sooner, and less is in doubt when one is
lost."""
REFUSED_MAX = 0.05
"""Share of a size's transactions that may be refused; with more it is not taken."""
FALLING = 0.8
"""Larger packs are not tried when one moves less than this share of the most."""


@dataclass(frozen=True, slots=True)
class BatchSizeTrial:
    """What a server did with packs of one size."""

    size: int
    """Movements in a transaction."""
    movements_per_s: float
    latency_ms_p99: float
    """Of a transaction, from sending it to its answer."""
    refused_share: float = 0.0
    refusal: str = ""
    """The first refusal, in the server's words."""

    def fits(self, latency_ms_p99_max: float) -> bool:
        """Whether a run may have this size."""
        return self.refused_share <= REFUSED_MAX and self.latency_ms_p99 <= latency_ms_p99_max


@dataclass(frozen=True, slots=True)
class BatchSizeChoice:
    """The size that a run takes, why, and what was tried for it."""

    size: int
    reason: str
    trials: tuple[BatchSizeTrial, ...] = ()
    elapsed_s: float = 0.0
    """What finding it out took."""


def batch_sizes(settings: Settings) -> tuple[int, ...]:
    """Sizes worth trying, ascending: up to what a transaction of this plan can hold.

    A transfer's pack holds transfers of one source; where there are none, a deposit's pack holds accounts of one asset.
    """
    volume = settings.volume
    transfers = volume.transactions_per_account - 1
    most = transfers if transfers > 0 else volume.accounts_per_ledger // volume.assets_per_ledger
    most = 1 if not volume.transactions_per_account else max(1, min(most, LADDER[-1]))
    return tuple(sorted({most, *(size for size in LADDER if size < most)}))


def best_batch_size(trials: Iterable[BatchSizeTrial], *, latency_ms_p99_max: float) -> BatchSizeChoice:
    """The smallest size that moves nearly the most per second, of those that are answered in time."""
    tried = tuple(sorted(trials, key=lambda trial: trial.size))
    fitting = [trial for trial in tried if trial.fits(latency_ms_p99_max)]
    if not fitting:
        reason = f"no size was answered within {latency_ms_p99_max:g} ms (p99) and without refusals"
        return BatchSizeChoice(1, reason, tried)
    most = max(trial.movements_per_s for trial in fitting)
    best = next(trial for trial in fitting if trial.movements_per_s >= NEARLY * most)
    reason = f"{best.movements_per_s:,.0f} movements/s, p99 {best.latency_ms_p99:.1f} ms"
    single = tried[0]
    if best is not single and single.movements_per_s:
        reason += f", {best.movements_per_s / single.movements_per_s:.1f} times as much as one by one"
    return BatchSizeChoice(best.size, reason, tried)


def is_past_optimum(trials: Iterable[BatchSizeTrial], *, latency_ms_p99_max: float) -> bool:
    """Whether larger packs than the last trial's are not worth trying."""
    *earlier, last = trials
    most = max((trial.movements_per_s for trial in earlier), default=0.0)
    return not last.fits(latency_ms_p99_max) or last.movements_per_s < FALLING * most


def automatic_run_id(settings: Settings) -> str:
    """The run id of an automatic pack size, unless one is given. It follows from everything else that makes the data,
    so that the same command finds its run again whatever it would measure this time."""
    parts = settings.volume.model_dump(mode="json"), settings.data.model_dump(mode="json")
    text = orjson.dumps([settings.seed, *parts], option=orjson.OPT_SORT_KEYS)
    return f"s{hashlib.sha256(b'auto' + text).hexdigest()[:10]}"


def with_batch_size(settings: Settings, size: int) -> Settings:
    """The settings with this pack size, and the run id of an automatic one."""
    batches = settings.generation.batches.model_copy(update={"transactions_per_batch": size})
    generation = settings.generation.model_copy(update={"batches": batches})
    run_id = settings.run_id or automatic_run_id(settings)
    return settings.model_copy(update={"generation": generation, "run_id": run_id})
