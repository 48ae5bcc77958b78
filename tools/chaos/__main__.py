"""Kill runs and servers at random moments under every fault, resume, and count every movement by its tag.

    make chaos                                                     # about 300 client kills, 20 server kills
    make signals                                                   # about 90 clients that get a SIGTERM
    .venv/bin/python -m tools.chaos --only "cut after"             # one kind of fault
    .venv/bin/python -m tools.chaos --only "cut after" --trial 3   # one of its trials, as the messages name it
    .venv/bin/python -m tools.chaos --metadata none --trial 0      # one of each kind, with marks in the descriptions

Each trial has a server of its own and a run that is killed with SIGKILL when the server has seen a random number of
requests, is resumed, is killed again, and is then resumed until it is done. A session may end in another way, provided
that its exit code says so: then it is run again, later with the server's clock moved forward by an hour, at last
without faults. Whenever a session is done, and at the end, the server's own records have to hold the tag of every
planned movement exactly once, and every balance as planned. The moments are drawn from the seed; at which instruction
a kill then hits depends on the machine.
"""

import argparse
import asyncio
import functools
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

from tools.chaos.faults import FAULTS, UNTIL_STOPPED
from tools.chaos.plan_flags import HISTORY, TINY, common_plan, few_accounts, few_accounts_plan
from tools.chaos.scenarios import (
    HISTORIES,
    HISTORY_FAULTS,
    SCENARIOS,
    SERVER_KILLED,
    interrupt_client,
    kill_client,
    run_trial,
    run_trial_with_server_kill,
)
from tools.chaos.table import Row, render_table
from tools.chaos.trials import Trial

Start = Callable[[Row, random.Random, str], Awaitable[None]]


def attempts(number: int) -> list[str]:
    """Many attempts, so that nearly every request is decided while it is sent, or few, so that many are in doubt."""
    return ["--attempts", "20" if number % 2 == 0 else "4"]


def all_trials(rounds: int, kills: int, server_kills: int) -> Iterator[tuple[str, int, Start]]:
    """Yield every trial: its fault or scenario, its number, and the function that runs it."""
    kill = functools.partial(kill_client, kills=kills)
    for index, (fault, rules) in enumerate(FAULTS.items()):
        for number in range(rounds):
            plan = few_accounts_plan(index) if number % 4 == 3 else common_plan(number + index)
            yield fault, number, functools.partial(run_trial, kill, rules, attempts(number // 2 + index), plan)
    for index, (name, (scenario, faults)) in enumerate(SCENARIOS.items()):
        for number in range(2 * rounds):
            half = number // 2
            plan, rules = (
                few_accounts_plan(half) if number % 2 else common_plan(half + index),
                faults[half % len(faults)],
            )
            yield name, number, functools.partial(run_trial, scenario, rules, attempts(half), plan)
    for index, (name, scenario) in enumerate(HISTORIES.items()):
        for number in range(2 * rounds):
            rules = FAULTS[HISTORY_FAULTS[number % len(HISTORY_FAULTS)]]
            yield name, number, functools.partial(run_trial, scenario, rules, attempts(number // 2 + index), HISTORY)
    for name, client_too in SERVER_KILLED.items():
        for number in range(server_kills // 2):
            plan = few_accounts(3, 120) if number % 4 == 3 else TINY
            yield name, number, functools.partial(run_trial_with_server_kill, client_too, plan)


def interrupted_trials(rounds: int) -> Iterator[tuple[str, int, Start]]:
    """Yield the trials in which the client gets a SIGTERM: two under each fault, more where runs do not end."""
    stop = functools.partial(interrupt_client, stop_faults=True)
    for faults, scenario, count in ((FAULTS, interrupt_client, rounds), (UNTIL_STOPPED, stop, 2 * rounds)):
        for index, (fault, rules) in enumerate(faults.items()):
            for number in range(count):
                plan = few_accounts_plan(index) if number % 4 == 3 else common_plan(number + index)
                yield fault, number, functools.partial(run_trial, scenario, rules, attempts(number), plan)


async def run_trials(trials: Iterable[tuple[str, int, Start]], *, seed: int, at_once: int) -> list[Row]:
    """Run the trials, `at_once` at the same time; print failures at once and return the counts of each fault."""
    rows: dict[str, Row] = {}
    limit = asyncio.Semaphore(at_once)

    async def run(what: str, number: int, start: Start) -> None:
        row = rows.setdefault(what, Row(what))
        async with limit:
            started_s, name = time.monotonic(), f"{what} {number}"
            try:
                await start(row, random.Random(f"{seed}:{what}:{number}"), name)
            except (AssertionError, LookupError, OSError, ValueError) as error:  # of the trial itself
                row.broken += 1
                print(f"{name}: {error!r}"[-2000:], file=sys.stderr, flush=True)
            print(f"{name}: {time.monotonic() - started_s:.1f} s", file=sys.stderr, flush=True)

    await asyncio.gather(*(run(*trial) for trial in trials))
    return list(rows.values())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4, help="trials of each fault; each fourth has few accounts")
    parser.add_argument("--kills", type=int, default=2, help="kills of each run")
    parser.add_argument("--server-kills", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=2, help="trials that run at the same time")
    parser.add_argument("--interrupted", action="store_true", help="send the clients SIGTERM instead of SIGKILL")
    parser.add_argument("--only", help=f"one of: {', '.join([*FAULTS, *SCENARIOS, *HISTORIES, *SERVER_KILLED])}")
    parser.add_argument("--trial", type=int, help="run only the trial of this number")
    parser.add_argument("--metadata", choices=("full", "mark", "none"), default="full", help="of all transactions")
    parser.add_argument("--verbose", action="store_true", help="print also how sessions end that are not done")
    given = parser.parse_args()
    Trial.verbose, Trial.metadata = given.verbose, given.metadata
    kill = functools.partial(all_trials, given.rounds, given.kills, given.server_kills)
    trials = interrupted_trials(given.rounds // 2) if given.interrupted else kill()
    chosen = [trial for trial in trials if given.only in (None, trial[0]) and given.trial in (None, trial[1])]
    started_s = time.monotonic()
    rows = asyncio.run(run_trials(chosen, seed=given.seed, at_once=given.at_once))
    print(render_table(rows))
    print(f"{len(chosen)} trials in {(time.monotonic() - started_s) / 60:.1f} min")
    sys.exit(any(row.is_bad for row in rows))


if __name__ == "__main__":
    main()
