"""YAML documents: those of users, damaged, with the constructs that parsers fail at."""

from hypothesis import strategies as st

from tests.support.damage import damaged, damages

SETTINGS_FILE = b"""\
# a file of a user
preset: tiny
seed: 7
runId: night-1
target:
  baseUrl: http://127.0.0.1:3002
  allowHosts: [midaz.internal, "10.0.0.1"]
  headers:
    - 'X-One: 1'
volume: &counts
  organizations: 1
  accountsPerLedger: 20
generation:
  retries: {max: 5, backoff: linear}
  limits:
    maxConcurrency: auto
    durationS: 90s
verification: {enabled: true, samplePerLedger: 3}
log: {level: debug}
"""
FAULT_PLAN = b"""\
seed: 7
rules:
  - {name: slow, on: transactions, methods: [POST], rate: 0.05, latency: {ms: 80, spread_ms: 40}}
  - {path: "/accounts$", every: 100, from_s: 0, to_s: 30, status: {code: 503, retry_after_s: 1, when: before}}
  - {from_request: 500, to_request: 500, refuse: {for_s: 2}}
"""
SCENARIO = b"""\
scenario: fuzzed
about: A bank.
time: {last_day: 2026-11-25, history: 30 days, week: [1, 1, 1, 1, 1.5, 1, "1"]}
volume: {from_settings: false, customers: 20, movements: 100}
assets: &assets
  BRL: {amount: {mix: [[9, {lognormal: {median: 48, sigma: 0.8}}], [1, 5]], round: {"5": 30 %}}}
accounts:
  internal: {fees: {name: Fees, sweep: {to: vault}}, vault: {name: Vault}}
  kinds:
    person: {income: 5, owns: {checking: {}, savings: {parent: checking}}, segment: {choose: {a: 1}}}
personas: [{alias: ana, kind: person, name: Ana}]
schedules: {salary: {when: {business_day: 5, at: "06:00"}, per: person, via: in, amount: income}}
mix:
  pay: {weight: 3, from: [person.checking], to: {person.savings: {zipf: 1.05}}, says: "{to.name} {choose:A 1|B 2}"}
  in: {weight: 0, from: external, to: person.checking}
lifecycle: {pending: [{of: pay, count: 3, then: {commit: 50 %}}]}
proof: {as_of: [month-ends, 2026-11-01]}
"""


def _aliases(depth: int, width: int, merged: bool) -> str:
    """Return a document whose aliases stand for `width ** depth` values."""
    item = "{<<: [%s]}" if merged else "[%s]"
    first = "x0: &x0 {a: 1}\n"
    lines = [f"x{n}: &x{n} " + item % ", ".join([f"*x{n - 1}"] * width) + "\n" for n in range(1, depth + 1)]
    return first + "".join(lines) + f"target: *x{depth}\nvolume: {{<<: *x{depth}}}\nseed: *x{depth}\n"


_LINES = (
    "seed: &a [*a]",
    "target: &a {<<: *a}",
    "volume: &a {organizations: *a}",
    "? [a, b]\n: 1",
    "? {a: 1}\n: 1",
    "seed: !!int x",
    "seed: !!float x",
    "seed: !!timestamp 2001-99-99",
    "report: 2001-02-30",
    "seed: !!binary '%%%'",
    "seed: !!python/object/apply:os.system ['true']",
    "seed: !!set {a, b}",
    "seed: !!omap [a: 1]",
    "seed: !!bool maybe",
    "seed: !!null x",
    "seed: !!map [1]",
    "seed: !!seq {a: 1}",
    "seed: 1:59:59:59:59",
    "seed: 0b1",
    "seed: 0x",
    "seed: 1e999999",
    "seed: .nan",
    "seed: -.inf",
    "seed: _",
    "seed: 0o_",
    "seed: 09",
    '"\\UFFFFFFFF": 1',
    '"\\ud800": 1',
    "--- a\n--- b",
    "%YAML 9.9\n---\nseed: 1",
    "%TAG ! x\n---\nseed: !y 1",
    "seed: |99\n  1",
    "seed: >-+\n  1",
    "\tseed: 1",
    "<<: {seed: 4}",
    "<<: [1, {seed: 4}]",
    "<<: *missing",
    "=: 1",
    "x-own: {any: [thing]}",
    "null: 1",
    "1: 2",
    "seed: *",
    "seed: &",
    "seed: !",
    "seed: @",
    "target: [",
    "target: {",
    "target: 'unclosed",
    "headers",
    "rules: [{latency: {ms: .nan}}]",
    "rules: [{path: '(((((', latency: {ms: 1}}]",
    "rules: [{path: 'a{99999999999}', latency: {ms: 1}}]",
    "rules: [{on: [a], latency: {ms: 1}}]",
    "rules: {a: 1}",
    "extends: file.yaml",
    "extends: [a]",
    "extends: builtin:",
    "mix: {pay: {remove: true}}",
    "mix: {pay: {from: {}, to: [], amount: {mix: [[1, {mix: [[1, income]]}]]}}}",
    "mix: {pay: {weight: 1e400, amount: {like: pay, times: .inf}}}",
    "personas: [1, {}, {alias: [a]}, {alias: ana}]",
    "accounts: {kinds: []}",
    "assets: {BRL: &x {amount: {mix: [[1, *x]]}}}",
    "assets: {BRL: {scale: 18, amount: {lognormal: {median: 99999999999999999999, sigma: 9999999999}}}}",
    "proof: {as_of: ['0 random days', 9999-99-99]}",
    "schedules: {s: {when: {last_business_day_before: 02-30}}}",
    "time: {history: 3660, last_day: 0001-01-01}",
    "time: {history: 3660, last_day: 9999-12-31}",
)


def _large(kind: int, size: int) -> str:
    """Return a document that is large in one way."""
    return (
        f"seed: {'9' * size}",
        f"seed: {'1:' * (size // 2)}1",
        f"seed: 0x{'f' * size}",
        f"seed: {'[' * size}",
        f"seed: {'[' * (size // 2)}{']' * (size // 2)}",
        "".join(f"{' ' * depth}a:\n" for depth in range(min(size, 1500))),
        f"target: {'{a: ' * size}",
        f"{'- ' * size}",
        f"{'? ' * size}",
        f"runId: {'x' * size}",
        f"{'x' * size}: 1",
        "".join(f"a{number}: 1\n" for number in range(size // 4)),
        "seed: 1\n" * (size // 8),
        f"seed: '{' ' * size}'",
        f"seed: {'!' * size} 1",
        f"&{'a' * size} seed: 1",
        f"target: {{headers: [{'a, ' * (size // 3)}]}}",
        "#" * size + "\nseed: 1",
    )[kind]


@st.composite
def documents(draw: st.DrawFn, valid: bytes) -> bytes:
    """Draw a document: a valid one, damaged, with hostile lines in it; or one that is hostile in another way."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return _aliases(draw(st.integers(1, 40)), draw(st.integers(1, 12)), draw(st.booleans())).encode()
    if kind == 1:
        return _large(draw(st.integers(0, 17)), draw(st.sampled_from([50, 2000, 5000, 60_000]))).encode()
    if kind == 2:
        return draw(st.binary(max_size=100))
    if kind == 3:
        return draw(st.text(alphabet="-:?{}[],&*#!|>'\"%@` \t\nab01~=<", max_size=80)).encode()
    lines = valid.split(b"\n")
    for line in draw(st.lists(st.sampled_from(_LINES), max_size=2)):
        at = draw(st.integers(0, len(lines)))
        lines[at:at] = [line.encode()]
    more = [line.encode() for line in _LINES]
    return damaged(b"\n".join(lines), draw(damages(max_size=2)), more)
