"""The program: `midaz-seed`, or `python -m midaz_seed`."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # until the command handles signals, Ctrl-C ends the process as it ends others: without the traceback of an import
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import os
import sys
import threading
from contextlib import suppress

from midaz_seed.cli import main as run_command


def main() -> None:
    """Run the command line and exit the process with its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_command()
    except SystemExit as request:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt, and the exit code is decided
        if isinstance(request.code, int) and any(thread.daemon for thread in threading.enumerate()):
            # the interpreter's own end can abort the process while such a thread still computes (SIGABRT)
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os._exit(request.code)
        raise


if __name__ == "__main__":
    main()
