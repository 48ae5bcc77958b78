"""What answers mean: the table of codes, and the traps that were measured (midaz-behaviour: error-bodies,
insufficient-funds, exhausted-pool)."""

import pytest

from midaz_seed.midaz.classify import Disposition, classify, read_error
from midaz_seed.model.outcomes import ErrorClass

OLD = b'{"code":"%s","title":"T","message":"why not"}'


def _old(code: str) -> bytes:
    return OLD.replace(b"%s", code.encode())


@pytest.mark.parametrize(
    ("status", "body", "disposition", "error", "code"),
    [
        (201, b"{}", Disposition.OK, None, ""),
        (204, b"", Disposition.OK, None, ""),
        (409, _old("0002"), Disposition.CONFLICT, ErrorClass.CONFLICT, "0002"),
        (409, _old("0020"), Disposition.CONFLICT, ErrorClass.CONFLICT, "0020"),
        (409, _old("0084"), Disposition.IN_FLIGHT, ErrorClass.IN_DOUBT, "0084"),
        (400, _old("0084"), Disposition.IN_FLIGHT, ErrorClass.IN_DOUBT, "0084"),
        (500, _old("0095"), Disposition.APPLIED_LATER, ErrorClass.IN_DOUBT, "0095"),
        (500, _old("0127"), Disposition.UNKNOWN, ErrorClass.SERVER, "0127"),
        (500, b'{"code":500,"title":"request_failed","message":"x"}', Disposition.UNKNOWN, ErrorClass.SERVER, ""),
        (502, b"<html>bad gateway</html>", Disposition.UNKNOWN, ErrorClass.SERVER, ""),
        (408, b"", Disposition.UNKNOWN, ErrorClass.TIMEOUT, ""),
        (429, b"", Disposition.RETRY, ErrorClass.RATE_LIMITED, ""),
        (404, _old("0061"), Disposition.RETRY, ErrorClass.SERVER, "0061"),
        (422, _old("0174"), Disposition.RETRY, ErrorClass.SERVER, "0174"),
        (422, _old("0018"), Disposition.PERMANENT, ErrorClass.INSUFFICIENT_FUNDS, "0018"),
        (422, _old("0019"), Disposition.NOT_READY, ErrorClass.NOT_FOUND, "0019"),
        (404, _old("0037"), Disposition.NOT_READY, ErrorClass.NOT_FOUND, "0037"),
        (400, _old("0053"), Disposition.PERMANENT, ErrorClass.VALIDATION, "0053"),
        (401, b"Missing Token", Disposition.PERMANENT, ErrorClass.AUTH, ""),
        (403, b"Forbidden", Disposition.PERMANENT, ErrorClass.AUTH, ""),
        (302, b"", Disposition.PERMANENT, ErrorClass.SERVER, ""),
        (404, b"<html>", Disposition.PERMANENT, ErrorClass.NOT_FOUND, ""),
    ],
)
def test_each_answer_has_its_meaning(
    status: int, body: bytes, disposition: Disposition, error: ErrorClass | None, code: str
) -> None:
    verdict = classify(status, body)
    assert (verdict.disposition, verdict.error, verdict.code) == (disposition, error, code)


def test_a_problem_json_of_version_4_is_read_like_the_older_shape() -> None:
    body = b'{"type":"https://x/0047","title":"Bad Request","status":400,"detail":"bad",'
    body += b'"code":"0047","errors":[{"location":"alias"}]}'
    assert read_error(body) == ("0047", 'bad [{"location":"alias"}]')


def test_an_html_page_becomes_one_short_line() -> None:
    code, message = read_error(b"<html>\n  <body>" + b"x" * 1000)
    assert code == ""
    assert "\n" not in message
    assert len(message) <= 300


def test_a_json_list_as_an_error_is_text() -> None:
    assert read_error(b"[1, 2]") == ("", "[1, 2]")
