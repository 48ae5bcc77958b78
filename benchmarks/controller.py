"""Automatic concurrency against a server whose knee is known, and one whose knee moves.

    python benchmarks/controller.py [--seconds 8] [--stretch 20] [--rounds 3]

The sandbox works on so many transactions at a time, each for 10 ms (give or take 5), and the others wait in line. First
`--concurrency auto` against fixed numbers, each in a run of its own, on a quiet server and on one whose speed wanders
and stalls; then one run of `auto` while the server's capacity
changes under it, upward and downward. Each run has to prove every balance of what it did. The program ends with an
error when `auto` reaches less than 95 % of the best fixed number on a quiet server, or 90 % on a wandering one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import orjson
from measuring import Sandbox, print_machine, print_table, sandbox

SERVICE_MS, SPREAD_MS = 10, 5
GOAL, WANDERING_GOAL = 0.95, 0.9
FOLLOWED = 0.85
"""Share of the best fixed number at which a change of the server counts as followed."""
ACCOUNTS = 2 * 4 * 150
VOLUME = ["--preset", "small", "--organizations", "2", "--ledgers", "4", "--assets", "1", "--accounts", "150"]
VERIFIES_S = 8.0
"""What a time limit keeps for the end of a run, at most: nothing is measured then."""
FIXED = (0.5, 1.0, 1.5, 2.0, 4.0)
"""Requests in flight, as parts of what the server works on at a time."""


def faults(folder: Path, stretches: list[tuple[int, float]], *, wandering: bool = False) -> Path:
    """A fault plan: (how many at a time, until when in seconds), one after the other."""
    rules: list[dict[str, Any]] = []
    noise: dict[str, Any] = {"wander": {}, "stalls": {}, "slower_percent": 0.5} if wandering else {}
    since_s = 0.0
    for at_once, until_s in stretches:
        capacity = {"at_once": at_once, "ms": SERVICE_MS, "spread_ms": SPREAD_MS, **noise}
        rule = {"name": f"{at_once} at once", "on": "transactions", "methods": ["POST"], "capacity": capacity}
        rules.append({**rule, "from_s": since_s, "to_s": until_s})
        since_s = until_s
    path = folder / "faults.yaml"
    path.write_text(json.dumps({"rules": rules}))
    return path


def start(server: Sandbox, folder: Path, at_once: int, concurrency: str, seconds: float) -> "subprocess.Popen[bytes]":
    """A run of so many seconds, whose plan is too large for them, but not much: `--duration` counts planning too."""
    transactions = 20 + int(seconds * at_once * 1000 / SERVICE_MS / ACCOUNTS)
    command = [sys.executable, "-m", "midaz_seed", "run", *VOLUME, "--transactions", str(transactions)]
    command += ["--target", server.url, "-c", concurrency, "--duration", f"{seconds:g}s"]
    command += ["--warm-up", f"{seconds / 4:g}s", "--json", "-q"]
    environment = {**os.environ, "MIDAZ_SEED_JOURNAL__DIRECTORY": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdout=(folder / "told").open("wb"), env=environment)


def end(process: "subprocess.Popen[bytes]", folder: Path) -> dict[str, Any]:
    """The report, of which every balance is proved."""
    process.wait()
    told = (folder / "told").read_bytes()
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}\n{told[-2000:].decode()}")
    report: dict[str, Any] = orjson.loads(told)
    if not (report["proof"] and report["proof"]["ok"] and report["steady"]):
        raise SystemExit(f"not proved, or never steady: {report['verdict']}")
    return report


def one_run(at_once: int, concurrency: str, seconds: float, *, wandering: bool = False) -> dict[str, Any]:
    """A run against a server of a fixed capacity."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with sandbox("--faults", str(faults(folder, [(at_once, 1e6)], wandering=wandering))) as server:
            return end(start(server, folder, at_once, concurrency, seconds), folder)


def against_fixed(at_once: int, seconds: float) -> tuple[list[list[str]], float]:
    """Rows of the table, and the best rate of a fixed number in flight."""
    rows, best = [], 0.0
    for part in FIXED:
        number = max(int(part * at_once), 1)
        steady = one_run(at_once, str(number), seconds)["steady"]
        best = max(best, steady["transactions_per_s"])
        rows.append([str(at_once), str(number), *_figures(steady), ""])
    report = one_run(at_once, "auto", 2 * seconds)
    steady, held = report["steady"], report["concurrency"]["in_flight"]
    share = steady["transactions_per_s"] / best
    rows.append([str(at_once), f"**auto** ({held} at the end)", *_figures(steady), f"{100 * share:.0f} %"])
    if share < GOAL:
        raise SystemExit(f"auto gave {100 * share:.0f} % of the best fixed number at {at_once} at once")
    return rows, best


def wandering(at_once: int, seconds: float, rounds: int) -> tuple[list[list[str]], float]:
    """Rows of the table, and the share of `auto`: a server whose speed wanders and stalls, the same way in each run.

    The runs are interleaved, because the machine's own speed wanders too; the figures are medians over the rounds.
    """
    numbers = [str(at_once), str(at_once * 3 // 2), str(at_once * 3), "auto"]
    reports: dict[str, list[dict[str, Any]]] = {number: [] for number in numbers}
    for _ in range(rounds):
        for number in numbers:
            reports[number].append(one_run(at_once, number, seconds, wandering=True))
    middle = {
        number: sorted(found, key=lambda report: report["steady"]["transactions_per_s"])[rounds // 2]
        for number, found in reports.items()
    }
    rates = {number: report["steady"]["transactions_per_s"] for number, report in middle.items()}
    best = max(rate for number, rate in rates.items() if number != "auto")
    rows = []
    for number, report in middle.items():
        last = f"**auto** ({report['concurrency']['in_flight']} at the end)" if number == "auto" else number
        rows.append([str(at_once), last, *_figures(report["steady"]), f"{100 * rates[number] / best:.0f} %"])
    return rows, rates["auto"] / best


def _figures(steady: dict[str, Any]) -> list[str]:
    latency = steady["latency_ms"]
    return [f"{steady['transactions_per_s']:,.0f}", f"{latency['p50']:.1f}", f"{latency['p99']:.1f}"]


def transactions(server: Sandbox) -> int:
    """How many the server was asked for."""
    with urllib.request.urlopen(f"{server.url}/sandbox/stats") as answer:
        return int(json.load(answer)["requests"].get("POST transactions", 0))


def moving(stretches: list[int], stretch_s: float, best: dict[int, float]) -> list[list[str]]:
    """One run of `auto` over stretches of different capacity: how soon it followed, and what it gave in the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = [(at_once, (number + 1) * stretch_s) for number, at_once in enumerate(stretches)]
        plan[-1] = (stretches[-1], 1e6)
        with sandbox("--faults", str(faults(folder, plan))) as server:
            began_s = time.perf_counter()  # within some milliseconds of the server's own beginning
            duration_s = len(stretches) * stretch_s + VERIFIES_S
            process = start(server, folder, max(stretches), "auto", duration_s)
            samples = [(0.0, 0)]
            while process.poll() is None:
                time.sleep(0.5)
                samples.append((time.perf_counter() - began_s, transactions(server)))
            report = end(process, folder)
    offset_s = duration_s - report["elapsed_s"]
    rows = []
    for number, at_once in enumerate(stretches):
        since_s, until_s = number * stretch_s, (number + 1) * stretch_s - 0.5
        inside = [sample for sample in samples if since_s <= sample[0] <= until_s]
        rates = [
            (there[0] - since_s, (there[1] - here[1]) / (there[0] - here[0]))
            for here, there in zip(inside, inside[4:], strict=False)
        ]
        followed_s = next((at_s for at_s, rate in rates if rate >= FOLLOWED * best[at_once]), None)
        half = [rate for at_s, rate in rates if at_s >= stretch_s / 2]
        share = sum(half) / len(half) / best[at_once] if half else 0.0
        changes = [
            change["in_flight"]
            for change in report["concurrency"]["changes"]
            if change["at_s"] + max(offset_s, 0.0) < (number + 1) * stretch_s
        ]
        followed = f"{followed_s:.1f} s" if followed_s is not None else "never"
        rows.append([f"{since_s:.0f} s", str(at_once), followed, f"{100 * share:.0f} %", str(changes[-1])])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run with a fixed number")
    parser.add_argument("--stretch", type=float, default=20.0, help="seconds for which a capacity stays the same")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each number on a wandering server")
    options = parser.parse_args()
    print_machine("uvloop")
    table, best = [], {}
    for at_once in (8, 16, 48):
        rows, best[at_once] = against_fixed(at_once, options.seconds)
        table += rows
    head = ["at a time", "in flight", "transactions/s, steady", "p50 ms", "p99 ms", "of the best"]
    print_table(head, table)
    print()
    rows, share = wandering(16, 3 * options.seconds, options.rounds)
    print_table(head, rows)
    print()
    head = ["from", "at a time", "85 % of the best after", "of the best, second half", "held at the end"]
    print_table(head, moving([16, 48, 8, 16], options.stretch, best))
    if share < WANDERING_GOAL:
        raise SystemExit(f"auto gave {100 * share:.0f} % of the best fixed number on a wandering server")


if __name__ == "__main__":
    main()
