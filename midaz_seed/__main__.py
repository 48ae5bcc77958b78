"""The program: `midaz-seed`, or `python -m midaz_seed`."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # until the command handles signals, Ctrl-C ends the process as it ends others: without the traceback of an import
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from midaz_seed.cli import main as run_command


def main() -> None:
    """Run the command line and exit the process with its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_command()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt, and the exit code is decided


if __name__ == "__main__":
    main()
