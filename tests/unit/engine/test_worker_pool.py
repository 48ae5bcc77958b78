"""The workers: fair turns, limits, errors, stopping."""

from collections.abc import Iterator

import anyio
import anyio.lowlevel
import pytest

from midaz_seed.engine.worker_pool import StoppedError, WorkerPool


async def test_every_item_is_done_once_and_no_more_at_once_than_workers() -> None:
    done: list[int] = []
    in_progress = most = 0

    async def work(item: int) -> None:
        nonlocal in_progress, most
        in_progress += 1
        most = max(most, in_progress)
        await anyio.lowlevel.checkpoint()
        in_progress -= 1
        done.append(item)

    async with WorkerPool(4).running() as pool:
        await pool.run_all(range(100), work)
    assert sorted(done) == list(range(100))
    assert most == 4


async def test_a_limited_stream_leaves_the_other_workers_to_others() -> None:
    max_concurrent: dict[str, int] = {"slow": 0, "wide": 0}
    most = dict(max_concurrent)

    async def work(item: str) -> None:
        max_concurrent[item] += 1
        most[item] = max(most[item], max_concurrent[item])
        await anyio.lowlevel.checkpoint()
        max_concurrent[item] -= 1

    async with WorkerPool(5).running() as pool, anyio.create_task_group() as group:
        group.start_soon(lambda: pool.run_all(["slow"] * 20, work, max_concurrent=1))
        group.start_soon(lambda: pool.run_all(["wide"] * 50, work))
    assert most["slow"] == 1
    assert most["wide"] >= 4


async def test_streams_take_turns_so_no_ledger_starves() -> None:
    order: list[str] = []

    async def work(item: str) -> None:
        order.append(item)
        await anyio.lowlevel.checkpoint()

    async with WorkerPool(1).running() as pool, anyio.create_task_group() as group:
        group.start_soon(lambda: pool.run_all(["a"] * 5, work))
        group.start_soon(lambda: pool.run_all(["b"] * 5, work))
    assert order[:4].count("a") == order[:4].count("b") == 2


async def test_an_exception_ends_its_stream_and_reaches_the_caller_unwrapped() -> None:
    begun: list[int] = []

    async def work(item: int) -> None:
        begun.append(item)
        if item == 3:
            raise LookupError("three")

    async with WorkerPool(1).running() as pool:
        with pytest.raises(LookupError, match="three"):
            await pool.run_all(range(10), work)
        assert begun == [0, 1, 2, 3]
        assert await pool.run_one(lambda: _value(7)) == 7


async def test_an_iterator_that_breaks_reaches_the_caller() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    async with WorkerPool(2).running() as pool:
        with pytest.raises(LookupError):
            await pool.run_all(items(), _ignore)


async def test_after_stop_nothing_new_starts_and_what_is_in_progress_ends() -> None:
    begun: list[int] = []
    ended: list[int] = []

    async with WorkerPool(3).running() as pool:

        async def work(item: int) -> None:
            begun.append(item)
            if item == 5:
                pool.admission.drain()
            await anyio.lowlevel.checkpoint()
            ended.append(item)

        await pool.run_all(range(1000), work)
        assert begun == ended
        assert len(begun) < 10
        with pytest.raises(StoppedError):
            await pool.run_one(lambda: _value(1))


async def test_what_the_block_raises_comes_out_as_itself() -> None:
    with pytest.raises(LookupError):
        async with WorkerPool(2).running():
            raise LookupError


async def test_cancel_ends_what_is_in_progress() -> None:
    ended = False

    async def work(_: int) -> None:
        nonlocal ended
        await anyio.sleep_forever()
        ended = True

    async with WorkerPool(2).running() as pool, anyio.create_task_group() as group:
        group.start_soon(lambda: pool.run_all([1, 2], work))
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert not ended


async def _value(number: int) -> int:
    return number


async def _ignore(_: int) -> None:
    return None
