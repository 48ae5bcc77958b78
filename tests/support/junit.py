"""JUnit XML in tests: valid, and what became of each test case."""

from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import xmlschema

KINDS = ("failure", "error", "skipped")


@cache
def _schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(Path(__file__).parents[1] / "data/junit.xsd"))


def read_junit(text: str) -> dict[str, dict[str, str]]:
    """Validate a document. Return suite -> test case -> "passed", or "failure: message" and so on."""
    _schema().validate(text)
    root = ElementTree.fromstring(text)
    found: dict[str, dict[str, str]] = {}
    for suite in root:
        cases = suite.findall("testcase")
        endings = {case.get("name", ""): _ending(case) for case in cases}
        found[suite.get("name", "").removeprefix("midaz-seed.")] = endings
        counts = [sum(case.find(kind) is not None for case in cases) for kind in KINDS]
        assert [int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")] == [
            len(cases),
            *counts,
        ]
    for total in ("tests", "failures", "errors"):
        assert int(root.get(total, "")) == sum(int(suite.get(total, "")) for suite in root)
    return found


def _ending(case: ElementTree.Element) -> str:
    for kind in KINDS:
        element = case.find(kind)
        if element is not None:
            return f"{kind}: {element.get('message')}"
    return "passed"
