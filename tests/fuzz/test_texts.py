"""Texts and values from servers and users: headers, versions, amounts, lists, secrets in messages."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from hypothesis import strategies as st

from midaz_seed.errors import ConfigurationError, SeedError
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.routes import Place
from midaz_seed.midaz.server_traits import server_of
from midaz_seed.model.balances import ObservedBalance, compare_balances, zero_sum_differences
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.probe.requests import describe_answer
from midaz_seed.reporting.redaction import redact
from midaz_seed.resilience.retry import parse_retry_after
from midaz_seed.settings.loader import Flag, load_settings
from midaz_seed.transport.base import Request, Response
from tests.support.damage import JSON, Change, changed, changes, hostile_json, rendered
from tests.support.fuzzing import fuzz

MESSAGE_MAX = 1_000
NUMBERS = ("²", "1²", "9" * 5000, "-1", "1e400", "nan", "inf", "1_0", "٣", "+5", " 5 ", "0x5", "")
DATES = (
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Wed, 99999999999999999999 Oct 2015 07:28:00 GMT",
    "Wed, 21 Oct 99999 07:28 GMT",
    "21 Oct 2015 07:28:00 +999999999",
    "Mon, 1 Jan 0000 00:00:00 +2400",
    "1 Jan 1 1:1:1:1 -0000",
    ", , ,",
    "(",
)
HEADER_TEXTS = st.one_of(
    st.text(alphabet=st.characters(max_codepoint=255), max_size=30),
    st.sampled_from(NUMBERS + DATES),
    st.text(alphabet="MonJa,:+-0123456789 GMTZ()", max_size=40),
)
ROW: dict[str, Any] = {
    "id": "b1",
    "alias": "a",
    "key": "default",
    "assetCode": "BRL",
    "available": "10.50",
    "onHold": "0",
    "direction": "credit",
    "version": 3,
    "organizationId": "o",
    "ledgerId": "l",
    "metadata": {"seedKey": "k"},
}
PLACE = Place("o", "l")


@fuzz(examples=400, header=HEADER_TEXTS, now_s=st.sampled_from([0.0, 1.767e9, 1e12]))
def test_a_retry_after_is_a_finite_pause_or_nothing(header: str, now_s: float) -> None:
    pause_s = parse_retry_after(header, now_s)
    assert pause_s is None or (math.isfinite(pause_s) and pause_s >= 0)


@fuzz(
    examples=300, version=HEADER_TEXTS | st.sampled_from(["v3.8.0", "v" + "9" * 5000 + ".1", "v3." + "9" * 5000, "٣.٨"])
)
def test_a_version_is_known_or_refused(version: str) -> None:
    try:
        assert server_of(version).version == version
    except SeedError as error:
        refusal = error
    else:
        return
    assert len(refusal.message) <= MESSAGE_MAX
    assert refusal.hint


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """Draw the body of a list, valid or not."""
    if draw(st.integers(0, 4)) == 4:
        return draw(hostile_json() | st.binary(max_size=40))
    items = [dict(ROW, id=f"b{number}") for number in range(draw(st.integers(0, 3)))]
    drawn: list[Change] = draw(changes())
    return rendered(
        changed({"items": items, "page": 1, "limit": 10, "next_cursor": draw(st.sampled_from(["", "x"]))}, drawn)
    )


def _api(body: bytes, headers: dict[str, str]) -> MidazApi:
    """Return an API whose server gives this answer to every request."""
    left = [40]

    async def read(request: Request, phase: Phase, take: Callable[[Response], Any], *, missing_ok: bool = False) -> Any:
        left[0] -= 1
        assert left[0] > 0, "the same page is read without an end"
        taken = take(Response(200, headers, body))
        if taken is None:
            raise SeedError(describe_answer(Response(200, headers, body)))
        return taken

    return MidazApi(read, Phase.VERIFY)


async def _all(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


@fuzz(examples=400, body=lists(), count=HEADER_TEXTS)
def test_lists_counts_and_balances_are_read_or_refused(body: bytes, count: str) -> None:
    refusals: list[str] = []

    async def read(call: Callable[[MidazApi], Any]) -> Any:
        try:
            return await call(_api(body, {"X-Total-Count": count}))
        except SeedError as error:
            refusals.append(str(error))
            return None

    async def run() -> None:
        rows = await read(lambda api: _all(api.balances(PLACE))) or []
        try:
            balances = [ObservedBalance.parse(row) for row in rows]
            list(compare_balances([], balances))
            list(zero_sum_differences(balances))
        except SeedError as error:
            refusals.append(str(error))
        await read(lambda api: _all(api.entities(Entity.ACCOUNT_TYPE, PLACE, {})))
        await read(lambda api: api.entity(Entity.ACCOUNT, PLACE, "b1"))
        await read(lambda api: api.transaction_id_by_mark(PLACE, "k"))
        await read(lambda api: api.version())
        found = await read(lambda api: api.count(Entity.ACCOUNT, PLACE))
        assert found is None or found >= 0

    asyncio.run(run())
    assert all(len(refusal) <= MESSAGE_MAX for refusal in refusals)


CANARY = "c4n4ryS3cret"
WRAPPINGS = st.sampled_from(
    [
        "Authorization: Bearer {}",
        '{{"token":"{}"}}',
        "http://user:{}@host/x",
        "client_secret={}",
        "Basic {}",
        "api-key: {}",
    ]
)
FILLERS = st.text(alphabet="ab\"'\\:=/@ \n{}[],;-_.", max_size=40)


@fuzz(examples=400, before=FILLERS, wrapping=WRAPPINGS, after=FILLERS, repeats=st.sampled_from([1, 1, 1, 2000]))
def test_messages_are_redacted_in_linear_time(before: str, wrapping: str, after: str, repeats: int) -> None:
    text = redact((before + " ") * repeats + wrapping.format(CANARY) + " " + after * repeats)
    assert isinstance(text, str)
    assert CANARY not in redact(wrapping.format(CANARY))
    redact(rendered({"message": text}).decode())


@fuzz(examples=200, line=st.text(max_size=30) | HEADER_TEXTS, value=JSON)
def test_a_header_and_a_token_of_the_user_are_one_line_or_refused(line: str, value: Any) -> None:
    for path in ("target.headers", "target.authToken", "target.baseUrl", "target.proxy"):
        for flag in (
            Flag("--set", path, line),
            Flag("--set", path, orjson.dumps(str(value)[:30]).decode("utf-8"), yaml=True),
        ):
            try:
                loaded = load_settings(flags=[flag], environ={}).settings.target
            except ConfigurationError:
                continue
            token = loaded.auth_token.get_secret_value() if loaded.auth_token else ""
            lines = [header.get_secret_value() for header in loaded.headers]
            assert not set("".join([token, *lines])) & set("\r\n\0")
