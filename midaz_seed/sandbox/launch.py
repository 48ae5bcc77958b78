"""A sandbox in its own process, as `--target sandbox` starts and ends it."""

import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from midaz_seed.errors import ConfigurationError, ExitCode, UnreachableError

START_WITHIN_S = 20.0
END_WITHIN_S = 2.0
_READY = "sandbox listening on "


@asynccontextmanager
async def sandbox_process(
    *, data: Path | None = None, faults: Path | None = None, dialect: str = "v3.8"
) -> AsyncIterator[tuple[str, str]]:
    """Start a durable sandbox on free loopback ports, and end it with the block.

    Args:
        data: its file; None: a temporary one.

    Yields:
        The URLs of its onboarding and transaction services; the same where one service serves both.

    Raises:
        ConfigurationError: the fault plan or the data file cannot be used.
        UnreachableError: it does not start.
    """
    _check_files(data, faults)
    with tempfile.TemporaryDirectory(prefix="midaz-seed-") as folder:
        file = data or Path(folder) / "sandbox.sqlite"
        command = [sys.executable, "-m", "midaz_seed", "sandbox", "--port", "0", "--data", str(file), "--until-eof"]
        command += ["--dialect", dialect]
        if faults is not None:
            command += ["--faults", str(faults)]
        # its own session, so that Ctrl-C does not end the server before the run; it ends with our pipe
        process = await anyio.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            yield await _urls(process)
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


async def _urls(process: Process) -> tuple[str, str]:
    assert process.stdout is not None
    text = ""
    with anyio.move_on_after(START_WITHIN_S):
        async for piece in TextReceiveStream(process.stdout):
            text += piece
            if text.startswith(_READY) and text.endswith("\n"):
                urls = text.removeprefix(_READY).split()
                return urls[0], urls[-1]
    complaint = ""
    with anyio.move_on_after(1):
        await process.wait()
    if process.stderr is not None and process.returncode is not None:
        with anyio.move_on_after(1):
            async for piece in TextReceiveStream(process.stderr):
                complaint += piece
    if process.returncode == ExitCode.USAGE:
        raise _unusable_data(complaint)
    raise UnreachableError(
        f"the sandbox did not start: {complaint.strip() or text.strip() or 'it printed nothing'}",
        hint="start it by hand with `midaz-seed sandbox` to see why",
    )


def _check_files(data: Path | None, faults: Path | None) -> None:
    """Raise ConfigurationError, which names the flag of the run, when a file cannot be used."""
    if data is not None and data.is_dir():
        raise ConfigurationError("--sandbox-data: this is a folder, not a file", where=str(data))
    try:
        if faults is not None:
            from midaz_seed.sandbox.faults.plan import FaultPlan

            FaultPlan.read(faults)
    except ConfigurationError as error:
        raise ConfigurationError(f"--sandbox-faults: {error.message}", where=error.where, hint=error.hint) from None


def _unusable_data(complaint: str) -> ConfigurationError:
    """Return the error for a data file, from the message with which the sandbox ended."""
    parts = dict(line.strip().partition(": ")[::2] for line in complaint.splitlines())
    hint = "use a file that a sandbox wrote, or one that does not exist yet"
    return ConfigurationError(f"--sandbox-data: {parts.get('error', '?')}", where=parts.get("where", ""), hint=hint)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(END_WITHIN_S):
            await process.wait()
        if process.returncode is None:
            process.kill()
    await process.aclose()
