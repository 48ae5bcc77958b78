"""Set-up that all tests share."""

import gc
import inspect
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aioresponses.core
import pytest
from aiohttp import ClientResponse
from hypothesis import settings

if sys.dont_write_bytecode:
    # each process that a test starts would compile every module anew: a quarter of the CPU time of a short command
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # absent with `python -B`
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

if "stream_writer" in inspect.signature(ClientResponse.__init__).parameters:
    # aioresponses 0.7.9 does not pass an argument that aiohttp 3.14 made obligatory (its issue 289)
    class _Response(ClientResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
            super().__init__(*args, **kwargs)

    aioresponses.core.ClientResponse = _Response


def pytest_collection_finish() -> None:
    """Leave modules and tests out of garbage collections, which would walk over all of them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _runs_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder for each test, which it makes when it needs it: pytest lists all folders to number another."""
    folder = tmp_path_factory.mktemp("runs")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _runs_of_its_own(_runs_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test keeps its runs' journals apart, wherever it runs the command."""
    if "MIDAZ_SEED_JOURNAL__DIRECTORY" not in os.environ:
        monkeypatch.setenv("MIDAZ_SEED_JOURNAL__DIRECTORY", str(next(_runs_folders)))


# how long an example takes says how busy the machine is, not whether it is right
settings.register_profile("quick", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")
