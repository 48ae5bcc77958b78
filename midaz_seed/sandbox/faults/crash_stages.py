"""New transactions in stages, so that a killed process leaves the same state as a killed Midaz."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from midaz_seed.sandbox.core.messages import Reply
from midaz_seed.sandbox.core.records import unpack_stored_key
from midaz_seed.sandbox.faults.crash_recovery import claim_before_execution, hide_until, persist
from midaz_seed.sandbox.faults.requests import new_transaction
from midaz_seed.sandbox.http.app import App, Scope
from midaz_seed.sandbox.storage.idempotency import release_key


@dataclass(frozen=True, slots=True)
class Stages:
    """The time of a new transaction in each stage, in milliseconds, plus or minus the share `spread`.

    Received; then its key is claimed; then its balances have moved; then its record is written, its key has its answer
    and the answer is sent. The sum is the latency of a real v3.8 at 16 in flight. The shares are those in which a
    killed v3.8 left its 16 requests: 5 not begun, 3 claimed, 8 applied.
    """

    received_ms: float = 10.5
    claimed_ms: float = 6.5
    applied_ms: float = 17.0
    spread: float = 0.5


class StagedExecution:
    """Carries out new transactions in `Stages`, each durable before the next begins."""

    def __init__(self, app: App, stages: Stages, seed: int) -> None:
        self._app = app
        self._stages = stages
        self._chance = random.Random(f"stages:{seed}")

    async def carry_out(self, scope: Scope, body: bytes, answer: Callable[[], Reply]) -> Reply:
        """Carry a request out with `answer` and return its answer once that is durable; any request but a new
        transaction is carried out in one piece."""
        app, stages, state = self._app, self._stages, self._app.state
        found = new_transaction(app, scope, body)
        if found is None:
            return await app.committed(answer())
        call, endpoint = found
        await self._stay(stages.received_ms)
        claim = claim_before_execution(state, call, endpoint)
        if claim is None:
            return await app.committed(answer())
        ledger = state.ledger_state(call.org_id, call.ledger_id)
        await app.commit_soon()
        await self._stay(stages.claimed_ms)
        # the handler must find the request's own key free; no other request runs before it is claimed again
        ledger.stored_keys.pop(claim.key, None)
        reply = answer()
        _, seq = unpack_stored_key(ledger.stored_keys.get(claim.key, 0))
        if not seq:
            release_key(state, ledger, claim)
            return await app.committed(reply)
        hide_until(state, seq, math.inf)
        ledger.stored_keys[claim.key] = claim.stored_key(0)
        await app.commit_soon()
        await self._stay(stages.applied_ms)
        persist(state, ledger, seq, claim)
        return await app.committed(reply)

    async def _stay(self, stage_ms: float) -> None:
        part = 1 + self._stages.spread * (2 * self._chance.random() - 1)
        await self._app.state.clock.sleep(stage_ms * part / 1000)
