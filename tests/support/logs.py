"""Logging as it is in a program that has configured none."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from midaz_seed.reporting.logs import LOGGER


@contextmanager
def unconfigured_logging() -> Iterator[None]:
    """Let the block configure logging as it likes; put the handlers and levels back after it."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.setLevel(logging.WARNING)  # an earlier test of this process may have run the command
    LOGGER.setLevel(logging.NOTSET)
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        LOGGER.setLevel(logging.NOTSET)
