"""Automatic pack sizes: which are tried, and which is taken for what a server did with them."""

import pytest

from midaz_seed.errors import PlanError
from midaz_seed.plan.batch_size import (
    BatchSizeTrial,
    automatic_run_id,
    batch_sizes,
    best_batch_size,
    is_past_optimum,
    with_batch_size,
)
from midaz_seed.plan.plan import build_plan
from midaz_seed.settings.model import Settings


def _settings(*, accounts: int = 100, transactions: int = 20, **changes: object) -> Settings:
    volume = {"accountsPerLedger": accounts, "assetsPerLedger": 3, "transactionsPerAccount": transactions}
    return Settings.model_validate(
        {"volume": volume, "generation": {"batches": {"transactionsPerBatch": "auto"}}, **changes}
    )


def _chosen(*trials: BatchSizeTrial, latency_ms_p99_max: float = 1000) -> int:
    return best_batch_size(trials, latency_ms_p99_max=latency_ms_p99_max).size


@pytest.mark.parametrize(
    ("transactions", "sizes"),
    [
        (20, (1, 2, 5, 10, 19)),
        (3, (1, 2, 4, 10, 20, 32)),  # a third of the accounts has the same asset: up to 16 of them in one
        (2, (1, 2, 5, 10, 20, 33)),
        (1, (1, 2, 5, 10, 20, 33)),  # deposits alone: a third of the accounts has the same asset
        (0, (1,)),
        (10_000, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    ],
)
def test_no_size_is_tried_that_no_transaction_of_the_plan_could_have(transactions: int, sizes: tuple[int, ...]) -> None:
    assert batch_sizes(_settings(transactions=transactions)) == sizes


def test_the_size_that_moves_the_most_is_taken() -> None:
    assert _chosen(BatchSizeTrial(1, 400, 30), BatchSizeTrial(10, 1_800, 90), BatchSizeTrial(19, 2_100, 150)) == 19


def test_a_smaller_size_that_moves_nearly_as_much_is_taken_instead() -> None:
    assert _chosen(BatchSizeTrial(1, 400, 30), BatchSizeTrial(10, 2_000, 90), BatchSizeTrial(19, 2_100, 150)) == 10


def test_a_size_that_is_answered_too_late_is_not_taken() -> None:
    trials = BatchSizeTrial(1, 400, 30), BatchSizeTrial(10, 1_800, 90), BatchSizeTrial(19, 2_100, 150)
    assert _chosen(*trials, latency_ms_p99_max=100) == 10


def test_a_size_that_the_server_refuses_is_not_taken() -> None:
    refused = BatchSizeTrial(19, 2_100, 150, refused_share=0.2, refusal="413 0143")
    assert _chosen(BatchSizeTrial(1, 400, 30), BatchSizeTrial(10, 1_800, 90), refused) == 10


def test_single_movements_are_taken_when_no_size_is_answered_in_time_and_the_reason_says_so() -> None:
    choice = best_batch_size([BatchSizeTrial(1, 4, 3000), BatchSizeTrial(2, 8, 4000)], latency_ms_p99_max=1000)
    assert choice.size == 1
    assert "1000 ms" in choice.reason


def test_larger_batches_are_tried_while_throughput_grows_and_latency_stays_in_bounds() -> None:
    growing = [BatchSizeTrial(1, 400, 30), BatchSizeTrial(2, 700, 40)]
    assert not is_past_optimum(growing, latency_ms_p99_max=1000)
    assert is_past_optimum([*growing, BatchSizeTrial(5, 500, 60)], latency_ms_p99_max=1000)
    assert is_past_optimum([*growing, BatchSizeTrial(5, 1_500, 1_001)], latency_ms_p99_max=1000)


def test_the_run_id_of_an_automatic_size_does_not_depend_on_the_size_that_is_found() -> None:
    settings = _settings()
    ids = {with_batch_size(settings, size).run_id for size in (1, 5, 19)}
    assert ids == {automatic_run_id(settings)}
    plans = [build_plan(with_batch_size(settings, size)) for size in (1, 5)]
    assert plans[0].run_id == plans[1].run_id
    assert plans[0].digest != plans[1].digest


@pytest.mark.parametrize("other", [{"seed": 2}, {"data": {"individualsPercent": 10}}, {"accounts": 101}])
def test_other_data_has_another_automatic_run_id(other: dict[str, object]) -> None:
    assert automatic_run_id(_settings(**other)) != automatic_run_id(_settings())  # type: ignore[arg-type]


def test_an_automatic_run_id_is_not_that_of_a_run_with_a_number() -> None:
    settings = _settings(transactions=2)
    single = settings.model_copy(update={"generation": with_batch_size(settings, 1).generation})
    assert build_plan(single).run_id != automatic_run_id(settings)


def test_a_run_id_that_is_given_is_kept() -> None:
    assert with_batch_size(_settings(runId="mine"), 5).run_id == "mine"


def test_a_plan_without_a_target_says_that_automatic_packing_has_to_be_measured() -> None:
    with pytest.raises(PlanError, match="only a run can measure it") as caught:
        build_plan(_settings())
    assert "--transactions-per-batch 10" in caught.value.hint
