"""Assets, from the templates in their order."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase


class AssetGenerator(EntityGenerator[LedgerDimensions]):
    """The server creates an external account with each asset.

    Two assets created at once may both get the same external account (midaz-behaviour: external-accounts).
    """

    phase = Phase.ASSETS
    entity = Entity.ASSET
    payload = payloads.Asset
    key_pattern = "a-[A-Z]+"
    one_by_one = True
    match_field = "code"
    compared = ("type",)

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the assets of a ledger."""
        for asset in scope.assets:
            key = asset_key(scope, asset.code)
            metadata = scope.identity.tags(key)
            if asset.symbol.isascii():  # v3.3 fails on other characters in metadata
                metadata["symbol"] = asset.symbol
            yield self.item(
                key,
                {
                    "name": asset.name,
                    "type": asset.type,
                    "code": asset.code,
                    "metadata": {**metadata, "minorUnits": str(asset.scale)},
                },
            )


def asset_key(scope: LedgerDimensions, code: str) -> str:
    """Return the key of an asset: `o1.l2.a-BRL`."""
    return f"{scope.key}.a-{code}"
