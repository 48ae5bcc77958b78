"""The concurrency search against simulated servers, beside the best fixed number in flight.

    python -m benchmarks.search [--seeds 20] [--seconds 120] [--slices]

Each server has a saturation point, sharp or soft. Quiet ones keep their speed; wandering ones change it by up to 30 %
every 6 s, with smaller and faster changes on top, and stall for 200 to 800 ms every 10 to 30 s. The search starts below
(4 in flight, or a quarter of the saturation point where that is less) and above (8 times the saturation point). Every
run counts from its first second, the search included, against a run of the best fixed number with the same seed. The
program ends with an error when the worst seed misses its goal.

With `--slices` two and four slices of a run use the server: each with a search of its own, which knows nothing of the
others and starts with 4 in flight; and all with one search over their sum, which starts with 4 in flight, and whose
messages take 1 to 20 or 20 to 200 ms each.
"""

import argparse
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from benchmarks.measuring import print_table
from benchmarks.model_server import HARD, SOFT, Model, ModelServer
from midaz_seed.engine.control.concurrency import HIGHEST
from midaz_seed.resilience.concurrency_search import START, ConcurrencySearch
from midaz_seed.sandbox.faults.effects import Capacity, Stalls, Wander

GOAL_QUIET, GOAL_WANDERING = 0.95, 0.90
SLOWER_PERCENT = 0.5
"""What requests in the queue cost, each `at_once` of them: a real v3.8 lost 8 % from 8 to 128 in flight."""
SERVERS = (
    ("4", 4, 10, HARD),
    ("8", 8, 10, HARD),
    ("16", 16, 10, HARD),
    ("64", 64, 10, HARD),
    ("3, soft, as a real v3.8", 3, 7, SOFT),
    ("16, soft", 16, 10, SOFT),
    ("8, batches of 70 ms", 8, 70, HARD),
)
"""Name with the number at a time, that number, milliseconds of work, sharpness."""
SERVERS_OF_SLICES = [
    each for each in SERVERS if each[0] in ("4", "16", "3, soft, as a real v3.8", "8, batches of 70 ms")
]
FAST_S, SLOW_S = (0.001, 0.02), (0.02, 0.2)
"""Shortest and longest time of a message to or from a slice: through a pipe, and through Dask on a busy network."""
WAYS = {None: "each alone", FAST_S: "one, 1 to 20 ms", SLOW_S: "one, 20 to 200 ms"}


@dataclass(frozen=True)
class Case:
    """A server, and the number in flight at the start."""

    name: str
    model: Model
    start: int
    slices: int = 1
    message_s: tuple[float, float] | None = None
    """One search over all slices, whose messages take this time; None: each searches alone."""

    @property
    def goal(self) -> float:
        """Least share of the best fixed number."""
        return GOAL_WANDERING if self.model.capacity.wander else GOAL_QUIET


@dataclass(frozen=True)
class Result:
    """A run of the search."""

    share: float
    """Answers, as a share of those with the best fixed number."""
    last: int
    """The number in flight that it ended with."""
    in_flight: float
    """Mean number in flight."""


def model(at_once: int, ms: float, sharpness: float = HARD, *, wandering: bool = False) -> Model:
    """A server as in the table."""
    wander, stalls = (Wander(), Stalls()) if wandering else (None, None)
    return Model(
        Capacity(at_once=at_once, ms=ms, slower_percent=SLOWER_PERCENT, wander=wander, stalls=stalls), sharpness
    )


def cases() -> Iterator[Case]:
    """Every server, quiet and wandering, from below and from above."""
    for wandering in (False, True):
        for name, at_once, ms, sharpness in SERVERS:
            for start in (max(min(4, at_once // 4), 1), min(8 * at_once, HIGHEST)):
                yield Case(name, model(at_once, ms, sharpness, wandering=wandering), start)


def cases_of_slices() -> Iterator[Case]:
    """Some servers, quiet and wandering, with two and four slices, each way of searching."""
    for wandering in (False, True):
        for name, at_once, ms, sharpness in SERVERS_OF_SLICES:
            for slices in (2, 4):
                for message_s in (None, FAST_S, SLOW_S):
                    yield Case(name, model(at_once, ms, sharpness, wandering=wandering), START, slices, message_s)


def compare(case: Case, seed: int, seconds: float) -> Result:
    """Run the search and the best fixed number on the same server."""
    best = case.model.best(HIGHEST)
    fixed = ModelServer(case.model, seed, [best], seconds)
    fixed.work_with(best)
    server, searches = searched(case, seed, seconds)
    last = sum(search.current for search in searches)
    return Result(server.succeeded / fixed.succeeded, last, server.in_flight_s / seconds)


def searched(case: Case, seed: int, seconds: float) -> tuple[ModelServer, list[ConcurrencySearch]]:
    """Run the search, or that of each slice."""
    slices = case.slices
    if case.message_s is None:
        searches = [ConcurrencySearch(highest=HIGHEST // slices, start=case.start) for _ in range(slices)]
        server = ModelServer(case.model, seed, [case.start] * slices, seconds)
        server.work_with_searches(searches)
        return server, searches
    search = ConcurrencySearch(highest=HIGHEST, start=case.start)
    server = ModelServer(case.model, seed, [max(case.start // slices, 1)] * slices, seconds)
    server.work_with_one_search(search, case.message_s)
    return server, [search]


def row(case: Case, results: list[Result]) -> list[str]:
    """A row of the table."""
    shares = sorted(result.share for result in results)
    return [
        "wandering" if case.model.capacity.wander else "quiet",
        case.name,
        str(case.model.best(HIGHEST)),
        *([str(case.slices), WAYS[case.message_s]] if case.slices > 1 else [str(case.start)]),
        f"{shares[0]:.3f}",
        f"{statistics.quantiles(shares, n=10, method='inclusive')[0]:.3f}",
        f"{statistics.median(shares):.3f}",
        f"{case.goal:.2f}",
        "met" if shares[0] >= case.goal else "**missed**",
        f"{statistics.mean(result.in_flight for result in results):.0f}",
        f"{statistics.median(result.last for result in results):.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0, help="simulated, of each run")
    parser.add_argument("--slices", action="store_true", help="runs of two and four slices instead of one process")
    options = parser.parse_args()
    rows, missed, worst = [], 0, {GOAL_QUIET: 1.0, GOAL_WANDERING: 1.0}
    with ProcessPoolExecutor() as pool:
        waiting = [
            (case, [pool.submit(compare, case, seed, options.seconds) for seed in range(options.seeds)])
            for case in (cases_of_slices() if options.slices else cases())
        ]
        for case, futures in waiting:
            results = [future.result() for future in futures]
            rows.append(row(case, results))
            least = min(result.share for result in results)
            if case.slices == 1 or case.message_s is not None:  # searches that know nothing of one another are no goal
                worst[case.goal] = min(worst[case.goal], least)
                missed += least < case.goal
    columns = ["slices", "search"] if options.slices else ["start"]
    figures = ["min", "p10", "median", "goal", "", "mean in flight", "last"]
    print_table(["server", "at a time", "best fixed", *columns, *figures], rows)
    print(f"\nworst of {options.seeds} seeds: quiet {worst[GOAL_QUIET]:.3f}, wandering {worst[GOAL_WANDERING]:.3f}")
    if missed:
        raise SystemExit(f"{missed} of {len(rows)} rows missed the goal")


if __name__ == "__main__":
    main()
