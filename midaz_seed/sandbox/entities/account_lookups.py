"""Look-ups of an account by its alias or external code."""

from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.messages import Call, Reply, json_reply
from midaz_seed.sandbox.entities.crud import ENTITIES
from midaz_seed.sandbox.storage.state import SandboxState


def by_alias(state: SandboxState, call: Call) -> Reply:
    """Show the account with the alias of the path."""
    return _account(state, call, call.params[2])


def by_external_code(state: SandboxState, call: Call) -> Reply:
    """Show the external account of the asset code in the path."""
    return _account(state, call, f"@external/{call.params[2]}")


def _account(state: SandboxState, call: Call, alias: str) -> Reply:
    """Show an account without metadata, which the real server looks up under the wrong id here."""
    account = state.ledger_state(call.org_id, call.ledger_id).account_by_alias.get(alias)
    if account is None or not state.shows(account["id"]):
        raise RefusedError("0085")
    return json_reply(200, ENTITIES["accounts"].render(state, {**account, "metadata": {}}))
