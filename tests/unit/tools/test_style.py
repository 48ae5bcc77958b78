"""The style check finds the words to avoid in prose, and only there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.style import ALLOWED, ROOT, RULES, hits_in


def found(name: str, source: str) -> list[tuple[int, str]]:
    return [(hit.line, hit.rule.name) for hit in hits_in(name, source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""A module.\n\nIt tells nothing.\n"""\n', [(3, "tell")]),
        ("x = 1  # the others go on\n", [(1, "go on")]),
        ('raise ValueError("nobody answers")\n', [(1, "somebody")]),
        ('x = f"so many as {told}"\n', [(1, "so many")]),
        ('x = f"{told} and {packed[0]} requests"\n', []),
        ("told = pack(world)\n", []),
        ('x = {"packing": 1}\n', []),
        ('"""The field `packing` of the report."""\n', []),
        ('"""A package, an index and an installed spoke-like wheel."""\n', [(1, "speak")]),
        ("x = 1  # the title: Tell Me  # style: allow a title\n", []),
        ("x = 1  # tell  # style: allow\n", [(1, "tell")]),
    ],
)
def test_python_is_checked_in_comments_and_sentences_but_not_in_names(
    source: str, expected: list[tuple[int, str]]
) -> None:
    assert found("module.py", source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# Title\n\nNobody looks.\n", [(3, "somebody")]),
        ("Use `--open-loop`, the `proof` and `open loop`.\n", []),
        ("The open loop.\n", [(1, "open loop")]),
        ("```sh\ntell me\n```\ntell me\n", [(4, "tell")]),
        ("<!-- begin generated: x -->\ntell\n<!-- end generated: x -->\n", []),
        ("[a page](docs/proof.md)\n", []),
        ("A quotation: tell <!-- style: allow a quotation -->\n", []),
    ],
)
def test_markdown_is_checked_outside_of_code_and_generated_parts(source: str, expected: list[tuple[int, str]]) -> None:
    assert found("page.md", source) == expected


def test_every_rule_has_a_reason_and_a_replacement_and_a_name_of_its_own() -> None:
    assert all(rule.reason and rule.instead for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_permitted_word_is_still_in_its_file() -> None:
    by_name = {rule.name: rule for rule in RULES}
    for (name, rule), reason in ALLOWED.items():
        assert reason
        assert by_name[rule].pattern.search((ROOT / name).read_text(encoding="utf-8")), (name, rule)


def test_the_command_takes_paths_and_ends_with_1_when_a_word_is_found(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.md", tmp_path / "bad.py"
    good.write_text("A sentence.\n")
    bad.write_text("# it tells\n")
    check = [sys.executable, str(ROOT / "tools/style.py")]
    assert subprocess.run([*check, str(good)], capture_output=True, timeout=60).returncode == 0
    result = subprocess.run([*check, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "bad.py:1: 'tells' personifies the program; instead: report" in result.stdout
