"""Which streams get colours and a live view."""

import io

import pytest

from midaz_seed.reporting.terminal import can_redraw, text_width, wants_colour


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "on_terminal", "elsewhere", "redraws"),
    [
        ({}, True, False, True),
        ({"NO_COLOR": "1"}, False, False, True),
        ({"NO_COLOR": ""}, True, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False, True),
        ({"FORCE_COLOR": "1"}, True, True, True),
        ({"FORCE_COLOR": "0"}, True, False, True),
        ({"CLICOLOR_FORCE": "1"}, True, True, True),
        ({"CLICOLOR": "0"}, False, False, True),
        ({"CLICOLOR": "1"}, True, False, True),
        ({"TERM": "dumb"}, False, False, False),
        ({"TERM": "unknown"}, False, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True, False),
    ],
)
def test_colours_and_the_live_view_follow_the_usual_variables(
    environ: dict[str, str], on_terminal: bool, elsewhere: bool, redraws: bool
) -> None:
    """Row 7: NO_COLOR took the live view away instead of the colours."""
    assert wants_colour(Terminal(), environ) is on_terminal
    assert wants_colour(io.StringIO(), environ) is elsewhere
    assert can_redraw(Terminal(), environ) is redraws
    assert not can_redraw(io.StringIO(), environ)


def test_text_is_as_wide_as_the_terminal_and_never_wider_than_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 7: the report's table wrapped below 80 columns."""
    for columns, width in (("40", 40), ("200", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        assert text_width(Terminal(), 80) == width
        assert text_width(io.StringIO(), 80) == 80
