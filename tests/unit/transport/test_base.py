"""The values that cross the transport."""

import pytest

from midaz_seed.model.json_types import JsonObject
from midaz_seed.transport.base import Response


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"id":"a","list":[1,null]}', {"id": "a", "list": [1, None]}),
        (b"{}", {}),
        (b"[]", None),
        (b'"text"', None),
        (b"null", None),
        (b"", None),
        (b'{"id":"a"', None),
        (b'{"id":"a"}{"id":"a"}', None),
        (b"<html>", None),
        (b'{"id":"\xff"}', None),
    ],
)
def test_only_an_object_is_a_json_object(body: bytes, expected: JsonObject | None) -> None:
    assert Response(200, {}, body).json_object() == expected
