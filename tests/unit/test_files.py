"""Files are replaced whole, or not at all."""

import os
import resource
import signal
import stat
from pathlib import Path

import pytest

from midaz_seed.files import read_regular, temporary_path, write_atomically


@pytest.mark.parametrize("durable", [False, True])
def test_the_file_holds_the_new_content_and_nothing_else_is_left(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    for content in (b"first", b""):
        write_atomically(path, content, durable=durable)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["file"]


def test_a_pipe_a_directory_and_a_huge_file_are_not_read(tmp_path: Path) -> None:
    pipe, huge = tmp_path / "pipe", tmp_path / "huge"
    os.mkfifo(pipe)
    huge.write_bytes(b"12345")
    assert read_regular(huge, bytes_max=5) == b"12345"
    for path, limit in ((pipe, 5), (tmp_path, 5), (huge, 4)):
        with pytest.raises(OSError):
            read_regular(path, bytes_max=limit)


def test_the_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    other.touch()
    write_atomically(path, b"x", durable=False)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


@pytest.mark.parametrize("durable", [False, True])
def test_a_full_disk_leaves_the_old_content_and_no_temporary_file(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        with pytest.raises(OSError, match="too large"):
            write_atomically(path, b"x" * 100, durable=durable)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["no folder/file", "folder"])
def test_what_cannot_be_replaced_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / name, b"x", durable=False)
    assert os.listdir(tmp_path) == ["folder"]


def test_the_temporary_file_is_hidden_and_beside_the_file() -> None:
    path = temporary_path(Path("folder/report.json"))
    assert path.parent == Path("folder")
    assert path.name.startswith(".report.json.")
