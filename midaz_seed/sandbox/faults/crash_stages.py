"""The ASGI edge that takes its time over a new transaction, so that a killed process leaves the same behind as a real
server does."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from midaz_seed.sandbox.core.journal_records import slot_parts
from midaz_seed.sandbox.core.messages import Reply
from midaz_seed.sandbox.faults.app import FaultyApp
from midaz_seed.sandbox.faults.crash_recovery import claim_for, free, hide, persist
from midaz_seed.sandbox.faults.plan import Faults, Hit
from midaz_seed.sandbox.http.app import Scope
from midaz_seed.sandbox.storage.state import World


@dataclass(frozen=True, slots=True)
class Stages:
    """How long a new transaction stays in each stage, in milliseconds, give or take the part `spread` of it.

    Received; then its key is claimed; then its balances have moved; then its record is written, its key has its answer
    and the client gets it. The sum is the latency of a real v3.8 at 16 in flight, the shares are those in which one
    that was killed left its 16 requests: 5 not begun, 3 claimed, 8 applied.
    """

    received_ms: float = 10.5
    claimed_ms: float = 6.5
    applied_ms: float = 17.0
    spread: float = 0.5


class StagedApp(FaultyApp):
    """A `FaultyApp` whose new transactions go through `Stages`, each durable before the next begins."""

    def __init__(
        self,
        world: World,
        auth_token: str | None,
        faults: Faults,
        refuse: Callable[[float], None],
        crash: Callable[[], None],
        *,
        stages: Stages,
        seed: int,
    ) -> None:
        super().__init__(world, auth_token, faults, refuse, crash)
        self._stages = stages
        self._chance = random.Random(f"stages:{seed}")

    async def carried_out(self, scope: Scope, body: bytes, hit: Hit | None) -> Reply:
        found = self.new_transaction(scope, body)
        if found is None:
            return await super().carried_out(scope, body, hit)
        call, endpoint = found
        world, stages = self.world, self._stages
        await self._stay(stages.received_ms)
        claim = claim_for(world, call, endpoint)
        if claim is None:
            return await super().carried_out(scope, body, hit)
        book = world.book(call.org_id, call.ledger_id)
        await self.commit_soon()
        await self._stay(stages.claimed_ms)
        # the key is this request's own: the handler shall find it free, and nobody else runs before it is taken again
        book.slots.pop(claim.key, None)
        reply = self.answer_late(scope, body, hit)
        _, seq = slot_parts(book.slots.get(claim.key, 0))
        if not seq:
            free(world, book, claim)
            return await self.committed(reply)
        hide(world, seq, math.inf)
        book.slots[claim.key] = claim.slot(0)
        await self.commit_soon()
        await self._stay(stages.applied_ms)
        persist(world, book, seq, claim)
        return await self.committed(reply)

    async def _stay(self, stage_ms: float) -> None:
        part = 1 + self._stages.spread * (2 * self._chance.random() - 1)
        await self.world.clock.sleep(stage_ms * part / 1000)
