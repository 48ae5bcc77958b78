"""A plain terminal for every test."""

import pytest

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import Meter


@pytest.fixture
def meter() -> Meter:
    return Meter({Phase.ACCOUNTS: 1000})


@pytest.fixture(autouse=True)
def _a_plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
