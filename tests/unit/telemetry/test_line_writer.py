"""Lines are written without waiting for their reader, and what is lost is counted."""

import os
import resource
import threading
import time
from pathlib import Path

import pytest

from midaz_seed.errors import OutputError
from midaz_seed.telemetry.line_writer import QUEUE_LINES, LineWriter

LAST = b"last\n"


def lines(count: int) -> list[bytes]:
    return [f"{number:0200}\n".encode() for number in range(count)]


def test_lines_arrive_in_order_and_the_last_one_is_last(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text("of an earlier run\n" * 1000)
    writer = LineWriter(path)
    for line in lines(5000):
        writer.write(line)
    assert writer.close(LAST) == ""
    assert path.read_bytes() == b"".join([*lines(5000), LAST])


def test_a_line_can_be_read_before_the_next_one_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = LineWriter(tmp_path / "pipe")  # it is opened when it has a reader
    writer.write(b"first\n")
    with (tmp_path / "pipe").open("rb") as pipe:
        assert pipe.readline() == b"first\n"
        writer.write(b"second\n")
        assert pipe.readline() == b"second\n"
        assert writer.close(LAST) == ""
        assert pipe.read() == LAST


def test_a_pipe_that_nobody_reads_costs_no_time_and_a_bounded_number_of_lines(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = LineWriter(tmp_path / "pipe")
    count = QUEUE_LINES + 5000
    for line in lines(count):
        writer.write(line)
    clause = writer.close(LAST)
    os.close(reader)
    lost = int(clause.split()[0].replace(",", ""))
    assert 4000 < lost <= count + 1
    assert f" of {count + 1:,} lines of events were lost ({tmp_path / 'pipe'}: its reader is too slow)" in clause


def test_a_reader_that_goes_away_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = LineWriter(tmp_path / "pipe")
    with (tmp_path / "pipe").open("rb") as pipe:
        writer.write(b"first\n")
        pipe.readline()
    for line in lines(3):
        writer.write(line)
    assert writer.close(LAST) == f"4 of 5 lines of events were lost ({tmp_path / 'pipe'}: its reader has gone)"


def test_a_full_disk_loses_lines_and_leaves_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "events"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # like a full disk, but for this process
    try:
        writer = LineWriter(path)
        for line in lines(10):
            writer.write(line)
        clause = writer.close(LAST)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"".join(lines(4))
    assert clause.startswith("7 of 11 lines of events were lost")
    assert "File too large" in clause


@pytest.mark.parametrize("name", ["", "missing/events", "a\0b"])
def test_a_file_that_cannot_be_written_is_an_error_before_the_run(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as raised:
        LineWriter(tmp_path / name)
    assert "the events cannot be written" in raised.value.message
    assert raised.value.hint


def test_no_thread_stays_behind_a_written_file(tmp_path: Path) -> None:
    before = threading.active_count()
    LineWriter(tmp_path / "events").close(LAST)
    until_s = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until_s:
        time.sleep(0.001)
    assert threading.active_count() == before
