"""The files of a run and the messages of shards, damaged: they are read, or refused in a sentence."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st

from midaz_seed.clock import FakeClock
from midaz_seed.engine.shards.messages import LENGTH, framed, progress_of, read_message
from midaz_seed.errors import SeedError
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.meter import Meter
from midaz_seed.runs.directory import RunDirectory, list_runs
from midaz_seed.runs.record import new_record
from midaz_seed.runs.rejects import NEW, merge, rejected_items
from midaz_seed.settings.model import Settings
from tests.support.cli import run_cli
from tests.support.damage import Change, Damage, changed, changes, damaged, damages, hostile_json, rendered
from tests.support.fuzzing import fuzz

FOLDER = tempfile.TemporaryDirectory(prefix="midaz-seed-fuzz-")
RUNS = Path(FOLDER.name) / "runs"
RUN = RunDirectory(RUNS / "night-1")


def _base() -> bytes:
    RUN.path.mkdir(parents=True)
    settings = Settings.model_validate({"preset": "tiny", "runId": "night-1", "target": {"baseUrl": "sandbox"}})
    RUN.write(new_record(settings, build_plan(settings), target="sandbox", clock=FakeClock()))
    return (RUN.path / "run.json").read_bytes()


RECORD = _base()
REJECT: dict[str, Any] = {
    "key": "o1.l1.t3",
    "phase": "transfers",
    "entity": "transaction",
    "at": "2026-01-01T00:00:00Z",
    "error": "validation",
    "status": 422,
    "code": "0018",
    "message": "not enough",
    "answer": "422 {}",
    "attempts": 2,
    "request": {"method": "POST", "path": "/v1/x", "body": "{}"},
    "curl": "curl",
}


@st.composite
def documents(draw: st.DrawFn, valid: dict[str, Any]) -> bytes:
    """Draw a JSON document: a valid one with changes, damaged, or anything."""
    if draw(st.integers(0, 5)) == 5:
        return draw(hostile_json() | st.binary(max_size=40))
    drawn: list[Change] = draw(changes())
    done: list[Damage] = draw(damages(max_size=1))
    return damaged(rendered(changed(valid, drawn)), done)


@fuzz(examples=250, data=documents(orjson.loads(RECORD)), rejects=documents(REJECT))
def test_a_run_with_damaged_files_is_shown_or_refused(data: bytes, rejects: bytes) -> None:
    (RUN.path / "run.json").write_bytes(data)
    (RUN.path / "rejects.ndjson").write_bytes(rejects + b"\n")
    refused = _is_refused(RUN.read_record)
    assert not refused or data != rendered(orjson.loads(RECORD))
    for arguments, in_json in ([], False), (["--json"], True):  # the other runs are listed
        done = run_cli("runs", "list", *arguments, "--runs-dir", str(RUNS))
        assert done.returncode == 0, done
        said = done.stdout if in_json else done.stderr
        assert ("not a run record of midaz-seed" in said) == refused, done
    for arguments in (["show", "night-1"], ["show", "night-1", "--json"]):
        done = run_cli("runs", *arguments, "--runs-dir", str(RUNS))
        assert done.returncode == (2 if refused else 0), done
    assert len(list_runs(RUNS)) == 1
    _is_refused(lambda: RUN.load_settings({}))


def _is_refused(call: Callable[[], object]) -> bool:
    """Whether a call raises one of our errors, with what to do next."""
    try:
        call()
    except SeedError as found:
        error = found
    else:
        return False
    assert error.hint
    return True


@fuzz(examples=300, lines=st.lists(documents(REJECT), max_size=4), more=st.lists(documents(REJECT), max_size=3))
def test_rejects_of_any_form_are_listed_with_their_fields_or_skipped(lines: list[bytes], more: list[bytes]) -> None:
    path = RUNS / "rejects.ndjson"
    path.write_bytes(b"\n".join(lines))
    path.with_name(path.name + NEW).write_bytes(b"\n".join(more))
    found = rejected_items(path)
    assert REJECT["key"] in found or rendered(REJECT) not in [*lines, *more]
    for key, line in found.items():
        assert line["key"] == key
        assert all(isinstance(line[name], str) for name in ("key", "error", "code", "message"))
    merge(path)
    assert rejected_items(path) == found


PROGRESS = framed(progress_of(Meter(planned={})))


@fuzz(examples=200, kept=st.integers(0, 2**16), stray=st.binary(max_size=40), length=st.integers(0, 2**64 - 1))
def test_messages_of_a_shard_are_read_whole_or_not_at_all(kept: int, stray: bytes, length: int) -> None:
    whole = PROGRESS
    progress = read_message(io.BytesIO(whole + stray))
    assert progress is not None
    assert set(progress.phases) == set(Phase)
    assert read_message(io.BytesIO(whole[: kept % len(whole)])) is None
    if length > len(stray):
        assert read_message(io.BytesIO(LENGTH.pack(length) + stray)) is None
