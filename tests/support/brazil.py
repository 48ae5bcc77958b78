"""Readers of Brazilian documents and bar codes, written from the published layouts; nothing of the package is used."""

import re
from datetime import date, timedelta

END_TO_END_ID = re.compile(  # Open Finance Brasil, schema of endToEndId
    r"^E[0-9]{8}[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[1-2][0-9]|3[0-1])(2[0-3]|[01][0-9])[0-5][0-9][a-zA-Z0-9]{11}$"
)


def _modulo_11(values: list[int], weights: list[int]) -> int:
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest in (0, 1) else 11 - rest


def is_right_cpf(text: str) -> bool:
    digits = [int(character) for character in text]
    first = _modulo_11(digits[:9], [10, 9, 8, 7, 6, 5, 4, 3, 2])
    second = _modulo_11(digits[:10], [11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
    return len(digits) == 11 and len(set(digits)) > 1 and digits[9:] == [first, second]


def is_right_cnpj(text: str) -> bool:
    values = [ord(character) - 48 for character in text]
    first = _modulo_11(values[:12], [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
    second = _modulo_11(values[:13], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
    return len(values) == 14 and values[12:] == [first, second]


def _modulo_10(digits: str) -> str:
    total, weight = 0, 2
    for digit in reversed(digits):
        product = int(digit) * weight
        total += product // 10 + product % 10
        weight = 3 - weight
    return str(-total % 10)


def _rest_11(digits: str) -> int:
    total, weight = 0, 2
    for digit in reversed(digits):
        total += int(digit) * weight
        weight = 2 if weight == 9 else weight + 1
    return total % 11


def parse_bank_slip(code: str) -> tuple[str, date, int]:
    """Return bank, due date in the first round of factors and value in centavos; fail when it is no bank's boleto."""
    assert len(code) == 44
    assert code.isascii()
    assert code.isdigit()
    assert code[3] == "9", "the currency is not the real"
    check = 11 - _rest_11(code[:4] + code[5:])
    assert code[4] == str(1 if check in (0, 10, 11) else check), "check digit"
    factor = int(code[5:9])
    assert 1000 <= factor <= 9999
    return code[:3], date(1997, 10, 7) + timedelta(days=factor), int(code[9:19])


def parse_utility_slip(code: str) -> tuple[str, int, date]:
    """Return segment, value in centavos and due date; fail when it is no bill of a utility."""
    assert len(code) == 44
    assert code.isascii()
    assert code.isdigit()
    assert code[0] == "8"
    rest = code[:3] + code[4:]
    if code[2] == "6":
        assert code[3] == _modulo_10(rest), "check digit modulo 10"
    else:
        assert code[2] == "8"
        remainder = _rest_11(rest)
        assert code[3] == ("0" if remainder in (0, 1) else "1" if remainder == 10 else str(11 - remainder))
    return code[1], int(code[4:15]), date(int(code[19:23]), int(code[23:25]), int(code[25:27]))
