"""Accounts: the internal ones of the institution, then those of its customers."""

from collections.abc import Iterator

from midaz_seed.model import payloads
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.asset import asset_key
from midaz_seed.plan.generators.base import EntityGenerator
from midaz_seed.plan.generators.holder import holder_key
from midaz_seed.plan.generators.portfolio import portfolio_key
from midaz_seed.plan.generators.segment import segment_key
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.people.slugs import slug
from midaz_seed.plan.population import ACTIVE, CLOSED, STATUSES, AccountPlan


class AccountGenerator(EntityGenerator[LedgerDimensions]):
    """Accounts as the population of the ledger has them."""

    phase = Phase.ACCOUNTS
    entity = Entity.ACCOUNT
    payload = payloads.Account
    key_pattern = r"acc\d+"
    match_field = "alias"
    compared = ("assetCode", "type", "entityId")
    compared_in_any_case = ("type",)

    def items(self, scope: LedgerDimensions) -> Iterator[EntityItem]:
        """Generate the accounts of a ledger."""
        for index, account in enumerate(scope.population.accounts()):
            key = account_key(scope, index)
            payload: JsonObject = {
                "name": account.name,
                "assetCode": account.asset,
                "type": account.type,
                "alias": account.alias,
                "entityId": account.holder.document if account.holder else f"interna-{account.alias}",
                "metadata": self._metadata(scope, key, account),
            }
            if account.status == CLOSED:
                payload["status"] = {"code": "CLOSED", "description": "Conta encerrada"}
            references = self._references(scope, account)
            customer = scope.population.customer[index]
            if scope.shape.scenario.parties and customer >= 0:
                references["holderId"] = holder_key(scope, customer)
            yield self.item(key, payload, references, (asset_key(scope, account.asset),))

    def count(self, scope: LedgerDimensions) -> int:
        """Return the number of accounts."""
        return len(scope.population)

    @staticmethod
    def _metadata(scope: LedgerDimensions, key: str, account: AccountPlan) -> JsonObject:
        metadata: JsonObject = {**scope.identity.tags(key), "synthetic": "true"}
        if account.holder is None:
            return {**metadata, "role": "internal"}
        metadata["holderKind"] = account.holder.kind
        if account.holder.kind == "PJ":
            metadata["tradingName"] = slug(account.holder.trading_name).replace("-", " ").title()[:100]
        if account.status != ACTIVE:
            metadata["accountStatus"] = STATUSES[account.status]
        return metadata

    @staticmethod
    def _references(scope: LedgerDimensions, account: AccountPlan) -> dict[str, str | tuple[str, ...]]:
        references: dict[str, str | tuple[str, ...]] = {}
        if account.portfolio is not None:
            references["portfolioId"] = portfolio_key(scope, account.portfolio)
        if account.segment is not None:
            references["segmentId"] = segment_key(scope, account.segment)
        if account.parent is not None:
            references["parentAccountId"] = account_key(scope, account.parent)
        return references


def account_key(scope: LedgerDimensions, index: int) -> str:
    """Return the key of an account: `o1.l2.acc17`."""
    return f"{scope.key}.acc{index + 1}"


def account_index(key: str) -> int:
    """Return the index, from 0, of the account with this key."""
    return int(key.rpartition("acc")[2]) - 1
