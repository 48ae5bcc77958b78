"""What is refused stays written down until it is made, whoever is killed and whatever the disk takes."""

import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest

from midaz_seed.clock import SystemClock
from midaz_seed.errors import OutputError
from midaz_seed.model.outcomes import ErrorClass, Failure
from midaz_seed.plan.items import Phase
from midaz_seed.runs.rejects import NEW, Rejects, clear, merge, rejected_items
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request


def _rejects(path: Path | None) -> Rejects:
    return Rejects(SystemClock(), ResolvedTarget("http://h", "http://h", is_sandbox=False), path, with_token=False)


def _add(rejects: Rejects, key: str, message: str = "no") -> None:
    failure = Failure(ErrorClass.VALIDATION, "0047", message)
    request = Request("POST", "/v1/x", b'{"a":"b"}')
    rejects.add(failure, request, phase=Phase.ACCOUNTS, entity="account", key=key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where two items are refused, by a session that has ended."""
    path = tmp_path / "rejects.ndjson"
    rejects = _rejects(path)
    _add(rejects, "a")
    _add(rejects, "b")
    merge(path)
    return path


def test_a_session_that_sends_nothing_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    _rejects(path)
    merge(path)
    assert path.read_bytes() == before
    assert list(rejected_items(path)) == ["a", "b"]


def test_an_item_leaves_when_it_is_made_and_its_new_refusal_takes_the_old_ones_place(path: Path) -> None:
    rejects = _rejects(path)
    rejects.made("a")
    rejects.made("never refused")
    _add(rejects, "b", "still no")
    _add(rejects, "c")
    assert {key: line["message"] for key, line in rejected_items(path).items()} == {"b": "still no", "c": "no"}
    merge(path)
    assert {key: line["message"] for key, line in rejected_items(path).items()} == {"b": "still no", "c": "no"}
    assert len(path.read_bytes().splitlines()) == 2


def test_what_is_made_after_it_was_refused_in_the_same_session_leaves_too(path: Path) -> None:
    rejects = _rejects(path)
    _add(rejects, "c")
    rejects.made("c")
    assert list(rejected_items(path)) == ["a", "b"]


def test_a_killed_session_is_taken_in_by_the_next_and_its_last_line_may_be_cut_short(path: Path) -> None:
    rejects = _rejects(path)
    rejects.made("a")
    _add(rejects, "c")
    beside = path.with_name(path.name + NEW)
    beside.write_bytes(beside.read_bytes() + b'\n{"key":"d","pha')
    _add(_rejects(path), "e")
    assert list(rejected_items(path)) == ["b", "c", "e"]
    merge(path)
    assert list(rejected_items(path)) == ["b", "c", "e"]
    assert not beside.exists()


def test_a_kill_between_the_two_steps_of_merging_is_harmless(path: Path) -> None:
    rejects = _rejects(path)
    rejects.made("a")
    _add(rejects, "c")
    beside = path.with_name(path.name + NEW)
    left = beside.read_bytes()
    merge(path)
    beside.write_bytes(left)
    merge(path)
    assert list(rejected_items(path)) == ["b", "c"]


def test_a_full_disk_loses_nothing_that_stood_there_and_nothing_that_comes_when_there_is_room_again(path: Path) -> None:
    rejects = _rejects(path)
    _add(rejects, "c")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    beside = path.with_name(path.name + NEW)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (beside.stat().st_size + 10, hard))
        with pytest.raises(OutputError) as raised:
            _add(rejects, "d")
        rejects.made("a")  # cannot be written either, and is no reason to stop
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
        merge(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert "free disk space" in raised.value.hint
    _add(rejects, "e")
    assert list(rejected_items(path)) == ["a", "b", "c", "e"]
    assert [file.name for file in path.parent.iterdir() if file.name.startswith(".")] == []


def _many(path: Path, name: str) -> None:
    rejects = _rejects(path)
    for number in range(200):
        _add(rejects, f"{name}{number}", "x" * 5000)
    os._exit(0)


def test_several_processes_append_whole_lines(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_many, args=(path, name)) for name in "xyz"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    merge(path)
    assert len(rejected_items(path)) == 2 + 3 * 200


def test_when_everything_is_made_nothing_is_left(path: Path) -> None:
    _add(_rejects(path), "c")
    clear(path)
    assert rejected_items(path) == {}
    assert list(path.parent.iterdir()) == []


def test_without_a_file_it_only_counts() -> None:
    rejects = _rejects(None)
    _add(rejects, "a")
    rejects.made("a")
    assert rejects.count == 1


def test_only_the_user_can_read_them_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "rejects.ndjson"
    umask = os.umask(0)
    try:
        _add(_rejects(path), "a")
        assert path.with_name(path.name + NEW).stat().st_mode & 0o777 == 0o600
        merge(path)
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o600
