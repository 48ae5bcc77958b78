"""The report of a benchmark as JUnit XML, for pipelines. Pure."""

from collections.abc import Iterator

from midaz_seed.bench.report import BenchReport, BenchResult
from midaz_seed.bench.text import phase_texts
from midaz_seed.bench.verdict import SIGNALLED, name_of
from midaz_seed.reporting.outputs.junit import Case, as_suite, junit_document, listed, result_case, threshold_case
from midaz_seed.wording import counted


def render_bench_junit(report: BenchReport) -> str:
    """Return a benchmark as an XML document: a test case for the benchmark, each case with each variant, and each of
    their thresholds."""
    whole = result_case(report.bench_id, report.exit_code, report.verdict, report.next_step, report.elapsed_s)
    thresholds = [
        threshold_case(f"{name_of(result.case, result.variant)}: {each.expression}", each)
        for result in report.results
        for each in result.thresholds
    ]
    properties = {
        "scenario": report.scenario,
        "target": report.target,
        "server_version": report.server_version,
        "midaz_seed_version": report.version,
        "repetitions": str(report.repetitions),
        "runs": str(len(report.runs)),
        "exit_code": str(report.exit_code),
    }
    started_at = report.started_at.partition("+")[0]  # the format has no time zone: UTC
    suites = {"bench": [whole], "cases": list(_cases(report)), "thresholds": thresholds}
    return junit_document(
        [
            as_suite(name, cases, started_at, properties if name == "bench" else {})
            for name, cases in suites.items()
            if cases
        ]
    )


def _cases(report: BenchReport) -> Iterator[Case]:
    """Generate a test case for each case with each variant, in the order in which they are measured."""
    results = {(result.case, result.variant): result for result in report.results}
    skipped = {(each.case, each.variant): each.reason for each in report.skipped}
    for case in report.cases or ("",):
        for variant in [each.name for each in report.variants] or [""]:
            at = case, variant
            if at in skipped:
                yield Case(name_of(*at), "skipped", skipped[at])
            else:
                yield _case(report, case, variant, results.get(at))


def _case(report: BenchReport, case: str, variant: str, result: BenchResult | None) -> Case:
    name = name_of(case, variant)
    runs = [run for run in report.runs if (run.case, run.variant) == (case, variant)]
    elapsed_s = sum(run.elapsed_s for run in runs)
    wrong = [f"{run.run_id}: {run.verdict}" for run in runs if not run.proved and run.exit_code not in SIGNALLED]
    if wrong:
        message = f"{len(wrong)} of {counted(len(runs), 'run')} did not end as planned"
        return Case(name, "failure", message, listed(wrong, len(wrong)), elapsed_s)
    if result is None:
        return Case(name, "skipped", "not measured: the benchmark ended before", time_s=elapsed_s)
    return Case(name, time_s=elapsed_s, output="\n".join(phase_texts(result)))
