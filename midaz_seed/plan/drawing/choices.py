import random
from bisect import bisect_right
from itertools import accumulate


def weighted(ws):
    c = list(accumulate(ws))
    t = c[-1]
    return lambda bits: bisect_right(c, (bits(64) * t) >> 64)


def compile_choice(choice, size, seed, *, top=None, sources=1):
    if choice is not None and choice.zipf is not None:
        s = float(choice.zipf)
        w = weighted([int(1e9 / (k + 1) ** s) for k in range(size)])
        perm = list(range(size))
        random.Random(seed).shuffle(perm)
        if top is not None:
            perm.remove(top)
            perm.insert(0, top)
        return lambda bits, _: perm[w(bits)]
    if choice is not None and choice.members:

        def f(bits, source):
            lo, hi = source * size // sources, (source + 1) * size // sources
            return lo + ((bits(64) * max(hi - lo, 1)) >> 64)

        return f
    return lambda bits, _: (bits(64) * size) >> 64


def members_of(source, sources, size):
    return range(source * size // sources, (source + 1) * size // sources)
