"""What a create costs the sandbox: its own CPU per POST, measured from outside, with the barest client.

    python benchmarks/sandbox.py [--count 10000] [--rounds 3] [--concurrency 64]

Accounts and 1 -> 1 transactions, these also with a field (`code`) that only the general path reads. Every request must
get its 201. Requests per second of one core follow from the CPU
time; the clock's figure is limited by the client too, which shares the machine.
"""

import argparse
from dataclasses import replace

from measuring import Measure, accounts, measured, median, print_machine, print_table, raw, sandbox, transfers

from midaz_seed.event_loop import run_in_loop

MODES = {"commit before the answer": (), "answer before the commit": ("--answer-first",)}


async def main(options: argparse.Namespace) -> None:
    measures: dict[tuple[str, str], list[Measure]] = {}
    modes = {name: MODES[name] for name in list(MODES)[: options.modes]}
    for number in range(options.rounds):
        for mode, flags in modes.items():
            with sandbox(*flags) as server:
                for index, kind in enumerate(("accounts", "transactions", "transactions, general path")):
                    name = f"kind-{index}-{number}"
                    if kind == "accounts":
                        posts = await accounts(server.url, name, count=options.count)
                    else:
                        posts = await transfers(server.url, name, accounts=400, count=options.count)
                    if "general" in kind:
                        posts = [replace(post, body=post.body[:-1] + b',"code":"general"}') for post in posts]
                    send = await raw(server.url, posts, options.concurrency)
                    measures.setdefault((kind, mode), []).append(await measured(server, len(posts), send))
    print_machine("uvicorn", "httptools", "uvloop", "orjson")
    print_table(
        ["POST", "mode", "server CPU us", "per second of one core", "seen per second"],
        [
            [
                kind,
                mode,
                f"{median(found, 'server_us'):.1f}",
                f"{1e6 / median(found, 'server_us'):,.0f}",
                f"{median(found, 'rate_per_s'):,.0f}",
            ]
            for (kind, mode), found in measures.items()
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--modes", type=int, default=2, help="1: only with the commit before the answer")
    arguments = parser.parse_args()
    run_in_loop(lambda: main(arguments))
