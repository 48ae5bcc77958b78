import re
import unicodedata
from dataclasses import dataclass
from datetime import date


@dataclass
class Facts:
    from_name: str
    from_first_name: str
    to_name: str
    to_first_name: str
    amount: str
    asset: str
    n: int
    day: int
    second: int
    due: int
    e2e: object
    boleto: object
    entry: str
    bits: int


def ascii_text(t):
    return unicodedata.normalize("NFKD", t).encode("ascii", "ignore").decode()


def compile_text(t):
    def f(x):
        def r(m):
            k, _, a = m[1].partition(":")
            if k in ("date", "due"):
                return date.fromordinal(x.day if k == "date" else x.due).strftime(a or "%Y-%m-%d")
            v = getattr(x, k.replace(".", "_"))
            return str(v() if callable(v) else v)

        return re.sub(r"\{([^}]*)\}", r, t)

    return f
