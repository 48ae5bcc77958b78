"""Brazilian tax ids with check digits: CPF for people, CNPJ for companies (also alphanumeric, since July 2026)."""

import re
import string
from collections.abc import Callable
from operator import mul

_CPF_FIRST = tuple(range(10, 1, -1))
_CPF_SECOND = (11, *_CPF_FIRST)
_CNPJ_FIRST = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_CNPJ_SECOND = (6, *_CNPJ_FIRST)
_ALPHANUMERIC = string.digits + string.ascii_uppercase
_CPF_BASES, _CPF_STEP = 999_999_990, 618_033_983
_CNPJ_BASES, _CNPJ_STEP = 99_999_999, 61_803_400
_ALPHANUMERIC_BASES, _ALPHANUMERIC_STEP = 36**12 - 1, 2_928_443_912_938_754_929
"""Numbers of possible documents, and a step without a common divisor: serial * step visits each of them once."""


def draw_cpf(bits: Callable[[int], int], *, impossible: bool = False, serial: int | None = None) -> str:
    """Draw a CPF: 11 digits without punctuation. Every call reads 64 bits.

    Args:
        bits: `random.Random.getrandbits`.
        impossible: Whether both check digits are wrong, so that the document cannot belong to anyone.
        serial: A number instead of the bits: CPFs of different serials, less than 999,999,990 apart, differ.
    """
    drawn = bits(64)
    number = (drawn if serial is None else serial * _CPF_STEP) % _CPF_BASES + 1
    if number % 111_111_111 == 0:  # equal digits have valid check digits but are rejected everywhere
        number = _CPF_BASES + number // 111_111_111
    base = f"{number:09}"
    return base + _other_than(cpf_check_digits(base), impossible)


def draw_cnpj(
    bits: Callable[[int], int], *, alphanumeric: bool, impossible: bool = False, serial: int | None = None
) -> str:
    """Draw a CNPJ: 14 characters without punctuation; the numeric form is a head office (`0001`).

    Every call reads 64 bits.

    Args:
        bits: `random.Random.getrandbits`.
        alphanumeric: Whether the first 12 characters have letters, as issued since July 2026.
        impossible: Whether both check digits are wrong, so that the document cannot belong to any company.
        serial: A number instead of the bits: CNPJs of different serials, less than 99,999,999 apart, differ.
    """
    drawn = bits(64)
    if alphanumeric:
        number = (drawn if serial is None else serial * _ALPHANUMERIC_STEP) % _ALPHANUMERIC_BASES + 1
        base = ""
        for _ in range(12):
            number, character = divmod(number, 36)
            base += _ALPHANUMERIC[character]
    else:
        base = f"{(drawn if serial is None else serial * _CNPJ_STEP) % _CNPJ_BASES + 1:08}0001"
    return base + _other_than(cnpj_check_digits(base), impossible)


def _other_than(check_digits: str, impossible: bool) -> str:
    """Return the check digits, or digits that both differ from them."""
    return "".join(str((int(digit) + 5) % 10) for digit in check_digits) if impossible else check_digits


def cpf_check_digits(base: str) -> str:
    """Return the two check digits for the first nine digits."""
    first = _check_digit(base, _CPF_FIRST)
    return first + _check_digit(base + first, _CPF_SECOND)


def cnpj_check_digits(base: str) -> str:
    """Return the two check digits for the first twelve characters; a character has the value of its ASCII code - 48."""
    first = _check_digit(base, _CNPJ_FIRST)
    return first + _check_digit(base + first, _CNPJ_SECOND)


def _check_digit(text: str, weights: tuple[int, ...]) -> str:
    assert len(text) == len(weights)
    rest = (sum(map(mul, text.encode("ascii"), weights)) - 48 * sum(weights)) % 11
    return str(0 if rest < 2 else 11 - rest)


def is_cpf(text: str) -> bool:
    """Return whether this is a valid CPF, with or without punctuation."""
    digits = text.replace(".", "").replace("-", "")
    return (
        bool(re.fullmatch(r"[0-9]{11}", digits)) and len(set(digits)) > 1 and cpf_check_digits(digits[:9]) == digits[9:]
    )


def is_cnpj(text: str) -> bool:
    """Return whether this is a valid CNPJ, numeric or alphanumeric, with or without punctuation."""
    characters = text.replace(".", "").replace("/", "").replace("-", "")
    return (
        bool(re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", characters))
        and len(set(characters)) > 1
        and cnpj_check_digits(characters[:12]) == characters[12:]
    )


def format_cnpj(characters: str) -> str:
    """Format a CNPJ as `00.000.000/0000-00`."""
    return f"{characters[:2]}.{characters[2:5]}.{characters[5:8]}/{characters[8:12]}-{characters[12:]}"
