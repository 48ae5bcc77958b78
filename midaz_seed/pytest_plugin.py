"""Fixtures for projects that test their own services against a Midaz: pytest finds them when midaz-seed is installed.

Nothing is imported and no process is started before a test asks for a fixture. docs/pytest.md shows their use.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from midaz_seed.reporting.report import Report
    from midaz_seed.settings.model import Settings

DIALECT = "midaz_dialect"
"""The ini option with the version of Midaz that the sandbox imitates; `--midaz-dialect` replaces it."""
DIFFERENCES_MAX = 20
"""Differences that the message of a failed verification lists."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the sandbox's version."""
    parser.addini(DIALECT, "Midaz version that midaz_sandbox imitates: v3.3, v3.8 or v4", default="v3.8")
    parser.getgroup("midaz-seed").addoption(
        "--midaz-dialect", dest=DIALECT, metavar="VERSION", help="Midaz version that midaz_sandbox imitates"
    )


@dataclass(frozen=True)
class MidazSandbox:
    """A running sandbox. Each pytest process has one of its own, so that tests may run in parallel (pytest-xdist)."""

    url: str
    """The address of the onboarding service; in v3.8 and v4 it serves everything."""
    transaction_url: str
    """The address of the transaction service, which v3.3 has apart."""
    dialect: str
    """The version that it imitates."""


@dataclass(frozen=True)
class SeededAccount:
    """An account that was made. Amounts are decimal strings."""

    id: str
    alias: str
    organization_id: str
    ledger_id: str
    asset: str
    available: str
    """Expected balance."""
    on_hold: str
    row: Mapping[str, str] = field(repr=False)
    """Everything that the manifest says of it (docs/manifest.md)."""


@dataclass(frozen=True)
class SeededData:
    """What `midaz_seeded` made: its report, and its accounts."""

    settings: "Settings"
    report: "Report"
    manifest: Mapping[str, Any] = field(repr=False)
    """The manifest as a dictionary (docs/manifest.md)."""

    @cached_property
    def accounts(self) -> dict[str, SeededAccount]:
        """Alias -> account. With several ledgers, whose accounts may share aliases, see `manifest`."""
        places = {
            ledger["key"]: (organization["id"], ledger["id"])
            for organization in self.manifest["organizations"]
            for ledger in organization["ledgers"]
        }
        return {
            row["alias"]: SeededAccount(
                row["id"],
                row["alias"],
                *places[row["ledger"]],
                row["asset"],
                row["available"],
                row["on_hold"],
                row,
            )
            for row in self.manifest["accounts"]
        }

    @property
    def organization_id(self) -> str:
        """The id of the first organization."""
        return str(self.manifest["organizations"][0]["id"])

    @property
    def ledger_id(self) -> str:
        """The id of the first ledger."""
        return str(self.manifest["organizations"][0]["ledgers"][0]["id"])


class Seeder:
    """Fills the sandbox, once for each set of arguments in a pytest process: the fixture `midaz_seeded`."""

    def __init__(self, sandbox: MidazSandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._seeded: dict[str, SeededData] = {}

    def __call__(self, scenario: str | None = None, **settings: Any) -> SeededData:
        """Fill the sandbox with a scenario, or with what the settings say, and verify it.

        Args:
            scenario: a built-in scenario or a file; None: that of the settings, or `classic` with the preset tiny.
            settings: sections and keys as in the YAML file: `preset="tiny"`, `volume={"accountsPerLedger": 5}`.

        Returns:
            The report and the accounts.

        Raises:
            SeedError: as `midaz_seed.seed`.
            AssertionError: not everything was made as planned.
        """
        if scenario is not None:
            settings["scenario"] = scenario
        elif "scenario" not in settings:
            settings.setdefault("preset", "tiny")
        key = json.dumps(settings, sort_keys=True, default=str)
        if key not in self._seeded:
            with ThreadPoolExecutor(1) as thread:  # the test may be async: its loop is not that of the run
                self._seeded[key] = thread.submit(partial(self._seed, settings, len(self._seeded))).result()
        return self._seeded[key]

    def _seed(self, given: Mapping[str, Any], number: int) -> SeededData:
        from midaz_seed.runner import seed
        from midaz_seed.settings.model import Settings

        manifest = self._folder / f"manifest-{number}.json"
        target = {"baseUrl": self._sandbox.url, "transactionUrl": self._sandbox.transaction_url}
        own = {"target": target, "journal": {"enabled": False}, "manifest": manifest}
        settings = Settings.model_validate({**given, **own})
        report = seed(settings)
        _check(report)
        return SeededData(settings, report, json.loads(manifest.read_bytes()))


class Verifier:
    """Compares the sandbox with the plan again: the fixture `midaz_verify`."""

    def __call__(self, seeded: SeededData) -> "Report":
        """Compare every balance and count with what was made.

        Returns:
            The report of the verification.

        Raises:
            SeedError: as `midaz_seed.verify`.
            AssertionError: something differs; the message names it.
        """
        from midaz_seed.runner import verify

        with ThreadPoolExecutor(1) as thread:
            report = thread.submit(partial(verify, seeded.settings)).result()
        _check(report)
        return report


def _check(report: "Report") -> None:
    """Raise AssertionError with the differences, if there are any."""
    if report.exit_code == 0:
        return
    rows = report.proof.differences[:DIFFERENCES_MAX] if report.proof is not None else ()
    lines = [f"  {row.ledger} {row.alias}: {row.what}: planned {row.expected}, found {row.actual}" for row in rows]
    more = report.proof.differences_total - len(rows) if report.proof is not None else 0
    if more:
        lines.append(f"  and {more:,} more")
    raise AssertionError("\n".join([f"{report.verdict} {report.next_step}".strip(), *lines]))


@pytest.fixture(scope="session")
def midaz_sandbox(pytestconfig: pytest.Config) -> Iterator[MidazSandbox]:
    """Start a sandbox on free loopback ports; it ends with the pytest process."""
    from anyio.from_thread import start_blocking_portal

    from midaz_seed.sandbox.launch import sandbox_process

    dialect = str(pytestconfig.getoption(DIALECT) or pytestconfig.getini(DIALECT))
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        process = sandbox_process(dialect=dialect)
        url, transaction_url = stack.enter_context(portal.wrap_async_context_manager(process))
        yield MidazSandbox(url, transaction_url, dialect)


@pytest.fixture(scope="session")
def midaz_seeded(midaz_sandbox: MidazSandbox) -> Iterator[Seeder]:
    """Return a function that fills the sandbox and returns what it made; the same data is made once."""
    with tempfile.TemporaryDirectory(prefix="midaz-seed-") as folder:
        yield Seeder(midaz_sandbox, Path(folder))


@pytest.fixture(scope="session")
def midaz_verify() -> Verifier:
    """Return a function that compares seeded data with the plan again."""
    return Verifier()
