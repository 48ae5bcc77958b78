"""The fixtures of the transports' tests."""

import pytest

from tests.support.raw_server import SESSIONS, WIRES, Make, name_of


@pytest.fixture(params=WIRES + SESSIONS, ids=name_of)
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


@pytest.fixture(params=WIRES, ids=name_of)
def make_wire(request: pytest.FixtureRequest) -> Make:
    return request.param
