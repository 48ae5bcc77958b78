"""The groups of endpoints by name, which faults, statistics and dialects share."""

from midaz_seed.sandbox.core.dialect import DIALECTS, GROUPS
from midaz_seed.sandbox.http.router import routed_groups


def test_every_group_has_an_endpoint_and_every_endpoint_a_group() -> None:
    assert routed_groups() == GROUPS
    assert {group for dialect in DIALECTS.values() for _, group, _ in dialect.failing} <= GROUPS
