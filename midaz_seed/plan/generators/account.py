"""Customer accounts of people and companies."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.catalog import slug
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.generators.portfolio import portfolio_key
from midaz_seed.plan.generators.segment import segment_key
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM
from midaz_seed.plan.templates import ACCOUNT_TYPES, USED_ACCOUNT_TYPES


class AccountGenerator(EntityGenerator[LedgerDimensions]):
    """Accounts take assets, types, portfolios and segments in turn, so they are evenly distributed."""

    phase = Phase.ACCOUNTS
    entity = Entity.ACCOUNT
    payload = payloads.Account
    match_field = "alias"
    compared = ("assetCode", "type", "entityId")
    compared_in_any_case = ("type",)

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the customer accounts of a ledger."""
        for block in range(-(-scope.accounts // ACCOUNTS_PER_STREAM)):
            for offset, holder in enumerate(scope.holders(block)):
                index = block * ACCOUNTS_PER_STREAM + offset
                key = account_key(scope, index)
                lap = index // len(scope.assets)
                types = ACCOUNT_TYPES[: scope.account_types or USED_ACCOUNT_TYPES]
                metadata: JsonObject = {**scope.identity.tags(key), "holderKind": holder.kind}
                if holder.kind == "PJ":
                    metadata["tradingName"] = slug(holder.name)[:100]
                references = {}
                if scope.portfolios:
                    references["portfolioId"] = portfolio_key(scope, lap % scope.portfolios)
                if scope.segments:
                    references["segmentId"] = segment_key(scope, lap % scope.segments)
                yield self.item(
                    key,
                    {
                        "name": holder.name,
                        "assetCode": scope.asset_of(index).code,
                        "type": types[lap % len(types)],
                        "alias": scope.aliases[index],
                        "entityId": holder.document,
                        "metadata": metadata,
                    },
                    references,
                )


def account_key(scope: LedgerDimensions, index: int) -> str:
    """Return the key of an account: `o1.l2.acc17`."""
    return f"{scope.key}.acc{index + 1}"


def account_index(key: str) -> int:
    """Return the index, from 0, of the account with this key."""
    return int(key.rpartition("acc")[2]) - 1
