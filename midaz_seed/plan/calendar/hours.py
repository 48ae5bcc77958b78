def compile_hours(name, between):
    lo, hi = between or (0, 86400)
    return lambda bits: lo + ((bits(32) * (hi - lo)) >> 32)
