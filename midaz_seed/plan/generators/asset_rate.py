"""Asset rates: those of the last day of the history."""

from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid5

from midaz_seed.model import payloads
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.flows.exchange import RATE_DIGITS, daily_rates
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.items import Entity, EntityItem, Phase

TTL_S = 86_400
"""How long a rate is valid: it is that of a day."""


class AssetRateGenerator(EntityGenerator[LedgerDimensions]):
    """A rate is set by its pair of assets, and read by its external id (midaz-behaviour: asset-rates)."""

    phase = Phase.ASSET_RATES
    entity = Entity.ASSET_RATE
    payload = payloads.AssetRate
    method = "PUT"
    key_pattern = "rate-[A-Z]+-[A-Z]+"
    others_differ = False
    match_field = "externalId"
    compared = ("from", "to", "rate", "scale", "source", "ttl")

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the rates between the assets of a ledger."""
        codes, days = scope.shape.asset_index, len(scope.shape.history)
        for code in codes:
            for other, rate in scope.shape.scenario.assets[code].rate.items():
                if other not in codes:
                    continue
                key = f"{scope.key}.rate-{code}-{other}"
                yield self.item(
                    key,
                    {
                        "from": code,
                        "to": other,
                        "rate": daily_rates(rate, scope.identity.seed, code, other, days)[-1],
                        "scale": RATE_DIGITS,
                        "source": rate.source,
                        "ttl": TTL_S,
                        "externalId": str(uuid5(NAMESPACE_URL, f"{scope.identity.run_id}/{key}")),
                        "metadata": scope.identity.tags(key),
                    },
                )
