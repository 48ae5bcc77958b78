import math
from decimal import Decimal
from functools import lru_cache
from statistics import NormalDist

from midaz_seed.scenarios.model import AmountSpec

_N = NormalDist()


@lru_cache(None)
def _c(text, scale):
    spec = AmountSpec.model_validate_json(text)
    unit = 10**scale

    def u(bits):
        return (bits(53) + 0.5) / 2**53

    if spec.const is not None:
        v = int(spec.const * unit)
        f = lambda b: v
    elif spec.lognormal:
        m = float(spec.lognormal.median) * unit
        s = float(spec.lognormal.sigma)
        f = lambda b: int(m * math.exp(s * _N.inv_cdf(u(b))))
    elif spec.mix:
        parts = [(w, _c(p.model_dump_json(exclude_defaults=True), scale)) for w, p in spec.mix]
        t = sum(w for w, _ in parts)

        def f(b):
            x = (b(40) * t) >> 40
            for w, p in parts:
                if x < w:
                    return p(b)
                x -= w
    elif spec.choose:
        parts = [(w, int(Decimal(k) * unit)) for k, w in spec.choose.items()]
        t = sum(w for w, _ in parts)

        def f(b):
            x = (b(40) * t) >> 40
            for w, p in parts:
                if x < w:
                    return p
                x -= w
    else:
        raise NotImplementedError(text)
    lo = int((spec.min or 0) * unit)
    hi = int(spec.max * unit) if spec.max else 10**40
    return lambda b: max(1, lo, min(hi, f(b)))


def compile_amount(spec, scale):
    return _c(spec.model_dump_json(exclude_defaults=True), scale)
