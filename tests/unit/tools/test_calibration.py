"""The tables of docs/compare.md are those that `make calibrate` writes, with a line for each server and length."""

from itertools import product

from tools.calibration import DOCUMENT, LENGTHS_S, NOISES, PIECES_S, real_table, simulated_table
from tools.generated import filled

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_committed_tables_have_every_line_of_the_tool() -> None:
    for empty in (simulated_table([]), real_table([])):
        assert f"{empty}\n| " in TEXT
    lines = [tuple(cell.strip() for cell in line.split("|")[1:4]) for line in TEXT.splitlines() if " s | " in line]
    alike = {(server, length) for server, length, _ in lines if server in NOISES}
    assert alike == {(server, f"{length_s} s") for server, length_s in product(NOISES, LENGTHS_S)}
    assert [length for pieces, length, _ in lines if pieces == "of real runs"] == [f"{each} s" for each in PIECES_S]


def test_other_tables_take_their_place() -> None:
    changed = filled(TEXT, {"simulated": "one", "real": "two"})
    assert simulated_table([]) not in changed
    assert "<!-- begin generated: real -->\n\ntwo\n" in changed
