"""Check every fuzz target with random examples for a given time: `python -m tests.fuzz --minutes 60`.

Each target runs in a process of its own, one after the other, so that a crash of the interpreter is a failure of that
target alone. The table has the examples, the seconds, the peak memory of the process and the result of each; a failure
is printed with the command that repeats it.
"""

import argparse
import importlib
import json
import os
import pkgutil
import random
import subprocess
import sys
import time
from pathlib import Path

import hypothesis
from hypothesis.errors import DidNotReproduce

import tests.fuzz
from tests.support.fuzzing import LINUX, TARGETS, Target, peak_mb

ROUND_EXAMPLES = 200
"""Examples of one random seed: hypothesis does not repeat an example within them."""


def main() -> int:
    """Run the command; return its exit code: 0, or 1 when a target failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60, help="time for all targets together [default: 60]")
    parser.add_argument("--only", default="", help="check only the targets whose names contain this text")
    parser.add_argument("--seed", type=int, help="the first random seed [default: another one each time]")
    parser.add_argument("--blob", help="check the one example of this blob, with --only NAME")
    parser.add_argument("--list", action="store_true", help="list the targets")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for module in pkgutil.iter_modules(tests.fuzz.__path__):
        if module.name.startswith("test_"):
            importlib.import_module(f"tests.fuzz.{module.name}")
    names = [options.only] if options.only in TARGETS else [name for name in TARGETS if options.only in name]
    if not names:
        parser.error(f"no target contains {options.only!r}")
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    if options.list:
        print("\n".join(names))
        return 0
    if options.blob:
        return _reproduce(TARGETS[names[0]], options.blob)
    if options.child:
        return _check(TARGETS[options.child], seed, 60 * options.minutes)
    return _check_all(names, seed, options.minutes)


def _check_all(names: list[str], seed: int, minutes: float) -> int:
    print(f"{len(names)} targets, {minutes:g} minutes, seed {seed}", flush=True)
    print(f"{'target':<75} {'examples':>9} {'seconds':>8} {'peak MB':>8}  result")
    failures, start_s, examples = [], time.monotonic(), 0
    for number, name in enumerate(names):
        left_s = 60 * minutes - (time.monotonic() - start_s)
        share_minutes = max(left_s / (len(names) - number), 1) / 60
        command = [sys.executable, "-m", "tests.fuzz", "--child", name, "--minutes", f"{share_minutes:.4f}"]
        done = subprocess.run([*command, "--seed", str(seed)], capture_output=True, text=True, check=False)
        result = _result(done.stdout)
        examples += result["examples"]
        row = f"{name:<75} {result['examples']:>9,} {result['seconds']:>8.0f} {result['peak_mb']:>8.0f}"
        print(f"{row}  {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode != 0:
            text = result["failure"] or f"the process ended with {done.returncode}\n{done.stderr[-4000:]}"
            repeat = result["repeat"] or f"--only {name} --seed {result['seed']}"
            failures.append(f"{name}\n{text}\n\nrepeat it: python -m tests.fuzz {repeat}")
    print(f"{examples:,} examples in {time.monotonic() - start_s:.0f} s, {len(failures)} failures")
    for failure in failures:
        print(f"\n==== {failure}")
    return 1 if failures else 0


def _result(stdout: str) -> dict:
    """Return the last line that a child wrote; it writes one for each round."""
    found = {"examples": 0, "seconds": 0, "peak_mb": 0, "failure": "", "repeat": "", "seed": 0}
    for line in stdout.splitlines():
        if line.startswith('{"examples"'):
            found |= json.loads(line)
    return found


def _check(target: Target, seed: int, seconds: float) -> int:
    """Check one target with one random seed after the other, and write a line before each and at the end."""
    start_s, highest_mb = time.monotonic(), 0.0
    failure, repeat = "", ""
    while not failure:
        spent_s = time.monotonic() - start_s
        line = {"examples": target.executed, "seconds": spent_s, "peak_mb": highest_mb, "seed": seed}
        print(json.dumps(line), flush=True)
        if spent_s >= seconds:
            return 0
        try:
            target.seeded(ROUND_EXAMPLES, seed)()
        except BaseException as error:  # noqa: BLE001 - an exception group too, and what stops a test
            failure, repeat = _described(error), _blob_command(target, error)
        highest_mb = max(highest_mb, peak_mb() if LINUX else 0)
        seed += 1
    line |= {"examples": target.executed, "peak_mb": highest_mb, "failure": failure, "repeat": repeat, "seed": seed - 1}
    print(json.dumps(line), flush=True)
    return 1


def _described(error: BaseException) -> str:
    errors = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
    parts = []
    for each in errors:
        notes = "\n".join(getattr(each, "__notes__", []))
        parts.append(f"{type(each).__name__}: {str(each)[:2000]}\n{notes[:6000]}")
    return "\n".join(parts)


def _blob_command(target: Target, error: BaseException) -> str:
    """Return the arguments that repeat the first failure of an exception."""
    text = _described(error)
    _, found, rest = text.partition("@reproduce_failure(")
    return f"--only {target.name} --blob {rest.partition('b' + chr(39))[2].partition(chr(39))[0]}" if found else ""


def _reproduce(target: Target, blob: str) -> int:
    try:
        target.reproduce(hypothesis.__version__, blob.encode())()
    except DidNotReproduce:
        print("the example does not fail")
        return 0
    raise AssertionError("an example that fails is raised with its traceback")


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main())
