"""The last resort after a signal: the process ends with its grace time, even when something blocks the event loop."""

import os
import sys
import threading
import time
from contextlib import suppress
from signal import Signals

from midaz_seed.errors import exit_code_of
from midaz_seed.process import can_write
from midaz_seed.reporting.events import Event, StopRequested

AT_LEAST_S = 2.0
"""Time for the end of the process when the grace time is shorter."""


def end_in_time(event: Event) -> None:
    """After the first signal, end the process when its grace time is over. Nothing is lost: the journal is on disk."""
    if isinstance(event, StopRequested):
        threading.Thread(target=_end, args=(event,), daemon=True).start()


def _end(event: StopRequested) -> None:
    time.sleep(max(event.within_s, AT_LEAST_S))
    message = f"error: {event.signal}: the process did not end within its grace time and was ended without a report\n"
    descriptor = sys.__stderr__.fileno() if sys.__stderr__ else 2
    with suppress(OSError):
        if can_write(descriptor):  # a pipe that is not read must not keep the process alive
            os.write(descriptor, message.encode())
    os._exit(exit_code_of(Signals[event.signal]))
