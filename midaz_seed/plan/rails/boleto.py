"""Boletos: the 44 digits of the bar code, of a bank (boleto de cobrança) or a utility (guia de arrecadação)."""

from datetime import date
from functools import lru_cache
from operator import mul

from midaz_seed.plan.rails.pix import ISPB

_FACTOR_LOWEST, _FACTORS = 1000, 9000
_FACTOR_1000 = date(2000, 7, 3).toordinal()
"""Day of the due factor 1000: 1,000 days after 1997-10-07. After 9999 (2025-02-21) it restarts at 1000 (2025-02-22).

Source: Febraban, Comunicado 082/2012, and the notices of the banks of February 2025.
"""

_WEIGHTS = tuple((42 - position) % 8 + 2 for position in range(43))
"""Weights 2 to 9 from the right, over the 43 digits without the check digit."""
_ZERO_SUM = 48 * sum(_WEIGHTS)
_VALUE_WEIGHTS = _WEIGHTS[8:29]
"""Weights of the value and the bill's number, 21 digits. The sums of the other digits are in tables."""
_VALUE_ZERO_SUM = 48 * sum(_VALUE_WEIGHTS)
_BANK_CHECK = tuple(str(11 - rest) if rest > 1 else "1" for rest in range(11))
"""Check digit of a bank's boleto for each remainder modulo 11."""
_BENEFICIARIES = 256


def _weighted_sum(digits: str, first: int) -> int:
    """Return the sum of the digits with their weights; the first one is at this index of the 43 digits."""
    return sum(map(mul, map(int, digits), _WEIGHTS[first:]))


def _accounts() -> tuple[tuple[str, int], ...]:
    """Return the last 14 digits of the bar codes of some beneficiaries, with their weighted sum.

    Banks define the 25 digits of the free field. Here they are the same for all: 11 digits of the bill's number, then
    branch, wallet, account and a zero.
    """
    digits = [
        f"{index * 7919 % 9000 + 1:04}{(9, 17, 26)[index % 3]:02}{index * 104729 % 9999991:07}0"
        for index in range(_BENEFICIARIES)
    ]
    return tuple((text, _weighted_sum(text, 29)) for text in digits)


_ACCOUNTS = _accounts()
_BANKS = tuple(bank.code for bank in ISPB.table(_BENEFICIARIES))


@lru_cache(maxsize=1024)
def _head(bank_code: str) -> tuple[str, int]:
    """Return bank code and currency digit, with their weighted sum."""
    return bank_code + "9", _weighted_sum(bank_code + "9", 0)


@lru_cache(maxsize=4096)
def _factor(due: int) -> tuple[str, int]:
    """Return the due factor of a day, with its weighted sum."""
    text = str((due - _FACTOR_1000) % _FACTORS + _FACTOR_LOWEST)
    return text, _weighted_sum(text, 4)


def bank_slip(bits64: int, amount_minor: int, due: int, bank_code: str | None = None) -> str:
    """Return the bar code of a boleto of a bank: 44 digits.

    Layout: Febraban, boleto de cobrança: bank 1-3, currency 4, check digit 5, due factor 6-9, value 10-19, free 20-44.

    Args:
        bits64: 64 random bits; they choose the beneficiary and the bill's number.
        amount_minor: The value in centavos; one that needs more than 10 digits is written as zeros.
        due: The due date, as a proleptic ordinal.
        bank_code: The bank of the beneficiary; by default another institution.
    """
    beneficiary = bits64 & 255
    head, head_sum = _head(bank_code or _BANKS[beneficiary])
    factor, factor_sum = _factor(due)
    account, account_sum = _ACCOUNTS[beneficiary]
    value = f"{amount_minor if amount_minor < 10_000_000_000 else 0:010}{(bits64 >> 8) % 100_000_000_000:011}"
    total = sum(map(mul, value.encode(), _VALUE_WEIGHTS)) - _VALUE_ZERO_SUM + head_sum + factor_sum + account_sum
    return f"{head}{_BANK_CHECK[total % 11]}{factor}{value}{account}"


SEGMENTS = {"CITY": "1", "WATER": "2", "ENERGY": "3", "TELECOM": "4", "TAX": "5"}
"""Segments of the bills that begin with 8. Source: Febraban, Layout Padrão de Arrecadação com Código de Barras."""
_MODULO_10 = {segment: segment not in ("CITY", "TAX") for segment in SEGMENTS}
"""Whether the check digit is modulo 10 (value in reais: 6) or modulo 11 (8). Both are permitted: an assumption."""
_HEADS = {segment: f"8{digit}{6 if _MODULO_10[segment] else 8}" for segment, digit in SEGMENTS.items()}
_DOUBLED = bytes.maketrans(b"0123456789", bytes(48 + sum(map(int, str(2 * digit))) for digit in range(10)))
"""The digit sum of twice a digit, as a digit."""
_ZERO_SUM_10 = 48 * 43
_UTILITY_CHECK = tuple(str(11 - rest) if rest > 1 else "0" for rest in range(11))
"""Check digit of a utility's bill for each remainder modulo 11."""
_COMPANIES = tuple(f"{index * 61 % 9000 + 100:04}" for index in range(64))
"""Numbers of utilities and authorities, not assigned to real ones on purpose."""


@lru_cache(maxsize=4096)
def iso_date(day: int) -> str:
    """Return a day as text: yyyy-MM-dd.

    Args:
        day: The proleptic ordinal.
    """
    return date.fromordinal(day).isoformat()


@lru_cache(maxsize=4096)
def _due_digits(due: int) -> str:
    day = date.fromordinal(due)
    return f"{day.year:04}{day.month:02}{day.day:02}"


def utility_slip(bits64: int, amount_minor: int, due: int, segment: str = "ENERGY") -> str:
    """Return the bar code of a utility or an authority: 44 digits, the first of them 8.

    Layout: Febraban, Layout Padrão de Arrecadação: product 1, segment 2, identification of the value 3, check digit 4,
    value 5-15, company 16-19, free 20-44, which begins with the due date.

    Args:
        bits64: 64 random bits; they choose the company and the bill's number.
        amount_minor: The value in centavos; one that needs more than 11 digits is written as zeros.
        due: The due date, as a proleptic ordinal.
        segment: A key of `SEGMENTS`.
    """
    head = _HEADS[segment]
    value = amount_minor if amount_minor < 100_000_000_000 else 0
    rest = f"{value:011}{_COMPANIES[bits64 & 63]}{_due_digits(due)}{(bits64 >> 6) % 10**17:017}"
    digits = (head + rest).encode()
    if _MODULO_10[segment]:  # weights 2 and 1 from the right: the digits at even indexes are doubled
        check = str((_ZERO_SUM_10 - sum(digits[::2].translate(_DOUBLED)) - sum(digits[1::2])) % 10)
    else:
        check = _UTILITY_CHECK[(sum(map(mul, digits, _WEIGHTS)) - _ZERO_SUM) % 11]
    return f"{head}{check}{rest}"
