"""The command, called in this process."""

import io
import os
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from midaz_seed.cli import main
from tools.chaos.processes import UNMEASURED_ENVIRONMENT


@dataclass(frozen=True)
class CliResult:
    """What a call of the command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def run_cli(*arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> CliResult:
    """Call the command in this process.

    Its runs are kept below `cwd`, by default where those of the test are. A sandbox that it starts is a process of its
    own, without coverage. `environment` is added to that of the process, of which no setting is kept.
    """
    runs = {} if cwd else {name: value for name, value in os.environ.items() if name.endswith("JOURNAL__DIRECTORY")}
    printed, err, code = io.BytesIO(), io.StringIO(), 0
    out = io.TextIOWrapper(printed, encoding="utf-8", write_through=True)
    with (
        mock.patch.dict(os.environ, {**UNMEASURED_ENVIRONMENT, **runs, **(environment or {})}, clear=True),
        chdir(cwd or Path.cwd()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main(arguments)
        except SystemExit as error:
            code = int(error.code or 0)
    assert "Traceback" not in err.getvalue()
    assert "internal error" not in err.getvalue(), err.getvalue()
    return CliResult(code, printed.getvalue().decode(), err.getvalue())
