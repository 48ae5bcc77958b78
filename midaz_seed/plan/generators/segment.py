"""Segments."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase


class SegmentGenerator(EntityGenerator[LedgerDimensions]):
    """Names are unique in their ledger."""

    phase = Phase.SEGMENTS
    entity = Entity.SEGMENT
    payload = payloads.Segment
    key_pattern = r"s\d+"
    match_field = "name"

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the segments of a ledger."""
        for index, name in enumerate(scope.shape.segments):
            key = segment_key(scope, index)
            yield self.item(key, {"name": name, "metadata": scope.identity.tags(key)})


def segment_key(scope: LedgerDimensions, index: int) -> str:
    """Return the key of a segment: `o1.l2.s1`."""
    return f"{scope.key}.s{index + 1}"
