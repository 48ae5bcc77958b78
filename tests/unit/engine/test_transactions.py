"""One transaction, exactly once: what is sent again, under which key, for how long, and what is left in doubt."""

import io
import json

import orjson
import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.engine.admission import Admission
from midaz_seed.engine.requests.error_tracker import ErrorTracker
from midaz_seed.engine.requests.sender import Sender
from midaz_seed.engine.requests.transactions import IdempotencyKey, TransactionSender
from midaz_seed.errors import UnauthorizedError
from midaz_seed.midaz.routes import Place
from midaz_seed.model.outcomes import ErrorClass
from midaz_seed.plan.items import AssetTemplate, Movement, Phase, TransactionItem, answer_of
from midaz_seed.reporting.logs import configure_logging
from midaz_seed.reporting.meter import Meter
from midaz_seed.reporting.settled_throughput import SettlementTimeline
from midaz_seed.resilience.breaker import CircuitBreaker
from midaz_seed.resilience.retry import RetryPolicy
from midaz_seed.resilience.throttle import Throttle
from midaz_seed.runs.journal import Journal
from midaz_seed.runs.rejects import Rejects
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import (
    ConnectError,
    LostConnectionError,
    OutOfFileDescriptorsError,
    Response,
    ReusedConnectionClosedError,
    TransportError,
)
from tests.support.logs import unconfigured_logging
from tests.support.transports import ScriptedTransport

MARK = b'"seedKey":"r/o1.l1.t1.1"'
BRL = AssetTemplate("BRL", "Real", "R$", 2, "currency")
ITEM = TransactionItem(
    "o1.l1.t1.1",
    Phase.TRANSFERS,
    b"{}",
    MARK,
    answer_of(BRL, "1.00", "a", '"b"'),
    "BRL",
    "1.00",
    (Movement(0, 1, 100),),
)
PLACE = Place("org", "led")


def whole(key: str = "o1.l1.t1.1", transaction_id: str = "t", **changes: object) -> bytes:
    """A transaction as a server answers with it."""
    answer = {
        "id": transaction_id,
        "description": "",
        "amount": "1",
        "assetCode": "BRL",
        "chartOfAccountsGroupName": "",
        "source": ["a"],
        "destination": ["b"],
        "ledgerId": "led",
        "organizationId": "org",
        "metadata": {"seedKey": f"r/{key}"},
        "operations": [{"metadata": None}],
    }
    return orjson.dumps({name: value for name, value in (answer | changes).items() if value is not None})


OURS = Response(201, {"X-Idempotency-Replayed": "false"}, whole())


def foreign(transaction_id: str = "f1") -> Response:
    return Response(201, {"X-Idempotency-Replayed": "true"}, whole("o1.l1.t9.9", transaction_id))


FOREIGN = foreign()


def _refused(status: int, code: str) -> Response:
    return Response(status, {}, f'{{"code":"{code}","title":"t","message":"m"}}'.encode())


class SenderFixture:
    def __init__(self, *script: Response | Exception) -> None:
        self.clock = FakeClock(auto=True)
        self.transport = ScriptedTransport(self.clock, *script)
        self.meter = Meter({Phase.TRANSFERS: 1})
        self.tracker = ErrorTracker(self.clock, lambda event: None)
        breaker = CircuitBreaker(self.clock, failures=5, open_s=60, successes=1, give_up_s=10_000)
        policy = RetryPolicy(3, "exponential", 100, 2000, jitter=False)
        self.admission = Admission(lambda: None)
        sender = Sender(
            self.transport,
            breaker,
            None,
            policy,
            self.clock,
            self.meter,
            self.admission,
            Throttle(self.clock),
            give_up_s=10_000,
            jitter_seed=1,
        )
        self.movements = TransactionSender(
            sender,
            self.tracker,
            self.meter.recorder(Phase.TRANSFERS, "o1.l1", 1),
            run_id="r",
            place=PLACE,
            ttl_s=300,
            margin_s=30,
            visible_within_s=5,
            sample={},
            phase_log=Journal(self.clock).phase_log(0, Phase.TRANSFERS, 1),
            flow=SettlementTimeline(Phase.TRANSFERS),
            rejects=Rejects(self.clock, ResolvedTarget("", "", is_sandbox=True), with_token=False),
        )

    async def send(self) -> ErrorClass | None:
        unsent = await self.movements.send(ITEM, 0, "/path", "/parent")
        return unsent.failure.error if unsent else None

    @property
    def keys(self) -> list[str]:
        return [request.headers["X-Idempotency"] for _, request in self.transport.sent]

    @property
    def lasted_s(self) -> float:
        return self.transport.sent[-1][0] - self.transport.sent[0][0]


async def test_an_answer_of_our_own_is_the_end() -> None:
    fixture = SenderFixture(OURS)
    assert await fixture.send() is None
    headers = fixture.transport.sent[0][1].headers
    assert (headers["X-Idempotency"], headers["X-TTL"]) == ("r.o1.l1.t1.1.0", "300")
    assert fixture.meter.phases[Phase.TRANSFERS].created == 1


async def test_every_attempt_is_logged_where_debug_is_shown() -> None:
    stream = io.StringIO()
    with unconfigured_logging():
        configure_logging("debug", "json", stream)
        assert await SenderFixture(Response(503, {}, b""), OURS).send() is None
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["method"], line["path"], line["status"]) for line in lines] == [
        ("request", "POST", "/path", 503),
        ("request", "POST", "/path", 201),
    ]


@pytest.mark.parametrize(
    "trouble",
    [LostConnectionError("reset"), ConnectError("refused"), Response(503, {}, b""), Response(429, {}, b"")],
    ids=["lost", "refused", "503", "429"],
)
async def test_after_trouble_the_same_key_is_sent_again(trouble: Response | Exception) -> None:
    fixture = SenderFixture(trouble, OURS)
    assert await fixture.send() is None
    assert fixture.keys == ["r.o1.l1.t1.1.0"] * 2


async def test_a_foreign_answer_given_twice_is_counted_and_left_to_the_balances_with_its_key_taken() -> None:
    fixture = SenderFixture(FOREIGN)
    unsent = await fixture.movements.send(ITEM, 0, "/path", "/parent")
    assert unsent is not None
    assert unsent.in_doubt
    assert unsent.key_is_taken
    assert fixture.keys == ["r.o1.l1.t1.1.0"] * 2
    assert fixture.meter.phases[Phase.TRANSFERS].foreign_replays == 1


async def test_a_foreign_answer_that_was_only_handed_to_the_wrong_connection_takes_no_other_key() -> None:
    fixture = SenderFixture(FOREIGN, Response(201, {"X-Idempotency-Replayed": "true"}, whole()))
    assert await fixture.send() is None
    assert fixture.keys == ["r.o1.l1.t1.1.0"] * 2
    assert fixture.meter.phases[Phase.TRANSFERS].foreign_replays == 0


async def test_foreign_answers_that_are_never_the_same_twice_prove_nothing() -> None:
    fixture = SenderFixture(*(foreign(f"f{number}") for number in range(20)))
    assert await fixture.send() is ErrorClass.IN_DOUBT
    assert set(fixture.keys) == {"r.o1.l1.t1.1.0"}


async def test_a_foreign_answer_after_a_lost_one_leaves_it_in_doubt_with_its_key_taken() -> None:
    fixture = SenderFixture(LostConnectionError("reset"), FOREIGN)
    unsent = await fixture.movements.send(ITEM, 0, "/path", "/parent")
    assert unsent is not None
    assert unsent.in_doubt
    assert unsent.key_is_taken
    assert set(fixture.keys) == {"r.o1.l1.t1.1.0"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>created</html>",
        whole()[:-40],
        whole(metadata=None),
        whole(amount="2"),
        whole(assetCode="USD"),
        whole(source=["c"]),
        whole(destination=["b", "c"]),
        whole(ledgerId="other"),
        whole(operations=None),
        b"{" + MARK + b"}",
        whole("o1.l1.t9.9"),
        b"[1e99999999]",
        b"[" * 100_000,
    ],
    ids=[
        "emptied", "page", "cut", "stripped", "amount", "asset", "source", "destination", "ledger",
        "no operations", "echo", "foreign and no replay", "huge number", "nested",
    ],
)  # fmt: skip
async def test_a_201_that_is_not_our_transaction_is_asked_for_again_under_the_same_key(body: bytes) -> None:
    fixture = SenderFixture(Response(201, {}, body), OURS)
    assert await fixture.send() is None
    assert fixture.keys == ["r.o1.l1.t1.1.0"] * 2
    fixture = SenderFixture(Response(201, {}, body))
    assert await fixture.send() is ErrorClass.IN_DOUBT
    assert set(fixture.keys) == {"r.o1.l1.t1.1.0"}


@pytest.mark.parametrize(
    "body",
    [
        orjson.dumps(orjson.loads(whole()), option=orjson.OPT_INDENT_2),
        whole(amount=1),
        whole(amount="1.000"),
        2 * whole(),
    ],
    ids=["indented", "number", "zeros", "twice"],
)
async def test_a_201_with_the_same_content_in_another_form_is_ours(body: bytes) -> None:
    fixture = SenderFixture(Response(201, {}, body))
    assert await fixture.send() is None
    assert len(fixture.keys) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 405, 409, 413, 422, 429, 500, 502])
async def test_an_error_that_no_midaz_wrote_decides_nothing(status: int) -> None:
    fixture = SenderFixture(Response(status, {}, b"<html>no</html>"))
    assert await fixture.send() is ErrorClass.IN_DOUBT
    fixture = SenderFixture(Response(status, {}, b'{"code":"NOPE","message":"no"}'), OURS)
    assert await fixture.send() is None


async def test_a_refusal_after_a_lost_answer_decides_nothing() -> None:
    fixture = SenderFixture(LostConnectionError("reset"), _refused(422, "0018"))
    assert await fixture.send() is ErrorClass.IN_DOUBT
    assert fixture.meter.phases[Phase.TRANSFERS].failed == 0


async def test_a_refusal_that_was_only_handed_to_the_wrong_connection_is_not_believed() -> None:
    fixture = SenderFixture(_refused(422, "0018"), OURS)
    assert await fixture.send() is None


async def test_a_key_that_stays_in_flight_is_left_in_doubt_soon_and_a_later_0084_at_once() -> None:
    """T8: a worker that waits for it would hold up the other transactions; it was sent hundreds of times."""
    fixture = SenderFixture(_refused(409, "0084"))
    began_s = fixture.clock.monotonic()
    unsent = await fixture.movements.send(ITEM, 0, "/path", "/parent")
    assert unsent is not None
    assert unsent.in_doubt
    assert unsent.in_flight
    assert unsent.first_sent_s == began_s
    assert fixture.lasted_s < 10
    assert len(fixture.keys) <= 9
    sent = len(fixture.keys)
    key = IdempotencyKey(unsent.generation, unsent.first_sent_s)
    later = await fixture.movements.send(ITEM, 0, "/path", "/parent", key)
    assert later is not None
    assert later.in_flight
    assert later.first_sent_s == began_s
    assert len(fixture.keys) == sent + 1
    assert set(fixture.keys) == {"r.o1.l1.t1.1.0"}


async def test_a_key_whose_lifetime_has_passed_since_it_was_first_sent_is_not_sent_at_all() -> None:
    fixture = SenderFixture(OURS)
    long_ago_s = fixture.clock.monotonic() - 271
    unsent = await fixture.movements.send(ITEM, 0, "/path", "/parent", IdempotencyKey(2, long_ago_s))
    assert unsent is not None
    assert unsent.in_doubt
    assert unsent.first_sent_s == long_ago_s
    assert fixture.keys == []


async def test_a_key_that_was_sent_before_and_lives_is_sent_again() -> None:
    fixture = SenderFixture(OURS)
    assert (
        await fixture.movements.send(ITEM, 0, "/path", "/parent", IdempotencyKey(2, fixture.clock.monotonic() - 200))
        is None
    )
    assert fixture.keys == ["r.o1.l1.t1.1.2"]


async def test_a_key_in_flight_that_is_released_ends_well() -> None:
    fixture = SenderFixture(LostConnectionError("reset"), _refused(409, "0084"), _refused(409, "0084"), OURS)
    assert await fixture.send() is None


async def test_lost_answers_without_end_leave_it_in_doubt_and_not_failed() -> None:
    fixture = SenderFixture(LostConnectionError("reset"))
    assert await fixture.send() is ErrorClass.IN_DOUBT
    assert fixture.meter.phases[Phase.TRANSFERS].failed == 0
    assert fixture.lasted_s <= 270


async def test_an_outage_longer_than_the_keys_lifetime_is_never_followed_by_a_second_sending() -> None:
    fixture = SenderFixture(LostConnectionError("gone"), *([ConnectError("down")] * 30), OURS)
    assert await fixture.send() is ErrorClass.IN_DOUBT
    assert fixture.lasted_s <= 270


async def test_an_outage_before_anything_was_seen_may_last_longer_than_the_key() -> None:
    fixture = SenderFixture(*([ConnectError("down")] * 30), OURS)
    assert await fixture.send() is None
    assert fixture.lasted_s > 300


async def test_a_stored_later_answer_is_in_doubt_and_never_sent_again() -> None:
    fixture = SenderFixture(_refused(500, "0095"))
    assert await fixture.send() is ErrorClass.IN_DOUBT
    assert len(fixture.keys) == 1


async def test_insufficient_funds_are_final() -> None:
    fixture = SenderFixture(_refused(422, "0018"))
    assert await fixture.send() is ErrorClass.INSUFFICIENT_FUNDS
    assert fixture.keys == ["r.o1.l1.t1.1.0"] * 2  # asked for twice: one could be another request's answer
    assert fixture.meter.phases[Phase.TRANSFERS].failed == 1


async def test_a_balance_that_is_not_there_yet_is_waited_for_and_then_given_up() -> None:
    fixture = SenderFixture(_refused(422, "0019"), _refused(422, "0019"), OURS)
    assert await fixture.send() is None
    fixture = SenderFixture(_refused(422, "0019"))
    assert await fixture.send() is ErrorClass.NOT_FOUND
    assert 4 < fixture.lasted_s < 8


async def test_retry_after_is_obeyed() -> None:
    fixture = SenderFixture(Response(429, {"Retry-After": "7"}, b""), OURS)
    assert await fixture.send() is None
    assert fixture.lasted_s == 7


async def test_a_401_ends_the_run_and_not_the_item() -> None:
    fixture = SenderFixture(Response(401, {}, b"Missing Token"))
    with pytest.raises(UnauthorizedError):
        await fixture.send()


async def test_what_the_server_refuses_for_good_is_kept_with_request_and_answer() -> None:
    fixture = SenderFixture(_refused(400, "0053"))
    assert await fixture.send() is ErrorClass.VALIDATION
    (group,) = fixture.tracker.groups()
    assert (group.code, group.count, group.final) == ("0053", 2, 1)
    assert group.example.request.startswith("POST /path")


@pytest.mark.parametrize("error", [OutOfFileDescriptorsError, ReusedConnectionClosedError])
async def test_an_attempt_that_says_nothing_about_the_request_is_none(error: type[TransportError]) -> None:
    """L2, L4: nine of them use up none of three attempts, and do not open the breaker."""
    fixture = SenderFixture(*[error("no") for _ in range(9)], OURS)
    assert await fixture.send() is None
    assert set(fixture.keys) == {"r.o1.l1.t1.1.0"}
    assert fixture.lasted_s < 5
    assert fixture.movements.uncertain is False


async def test_connections_that_always_end_before_the_answer_use_up_the_attempts_in_the_end() -> None:
    """L4: bounded."""
    fixture = SenderFixture(ReusedConnectionClosedError("closed"))
    assert await fixture.send() is ErrorClass.IN_DOUBT
