"""How well the audit finds what is wrong: seeded consistent reports with 0, 1 or 2 errors planted, and three other methods on the same.

It counts false alarms, errors found (of those that make the report infeasible), the true culprit first and within three, the right
mechanism, time and memory. `python tasks.py bench` runs it and writes `benchmarks/POWER.md`; sizes and counts are options:

    python benchmarks/bench_audit.py --sizes 10,50,200 --reports 400,80,16 --seed 1
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import math
import multiprocessing
import multiprocessing.connection
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from audit_peers import fellegi_holt, grim, plain_check  # noqa: E402
from audit_reference import Reference  # noqa: E402
from audit_reports import MECHANISMS, Planted, Report, write_case, wrong_forms  # noqa: E402

from kcq_eval.audit.explanations import CONSISTENT, CONTRADICTED, Audit, audit_claims  # noqa: E402

SIZES, REPORTS = "10,50,200,2000", "1560,416,52,8"
ERRORS = (0, 1, 1, 2)  # of four reports in a row
REFERENCE_UP_TO, FELLEGI_HOLT_UP_TO, FRESH_PROCESS_FROM = 50, 200, 200  # claims
AUDIT, PEERS = "audit", "peers"


@dataclass(frozen=True)
class Task:
    """One report to make, and whom to ask about it."""

    who: str
    size: int
    seed: int
    errors: int


@dataclass
class Answer:
    """What came of a task. `rank` counts from 1; None means that the culprit was not among what was named."""

    planted: tuple[Planted, ...] = ()
    largest_funding: int = 0
    verdict: str = ""  # of the audit; or timed_out, failed
    seconds: float = 0.0  # by the clock; the limit where timed out
    cpu_seconds: float = 0.0
    peak_mib: float | None = None
    ways: int = 0
    right_ways: int = 0  # of the tied, those that name only wrong claims
    rank: int | None = None
    named: str = ""
    right: bool = False
    right_in_effect: bool = False
    feasible: bool | None = None  # by the reference
    same_singles: bool | None = None
    peers: dict[str, tuple[bool | None, int | None, float]] = field(default_factory=dict)

    @property
    def in_principle(self) -> bool:
        """Whether an explanation with the fewest claims names nothing but wrong claims."""
        return self.right_ways > 0

    @property
    def has_verdict(self) -> bool:
        return self.verdict in (CONSISTENT, CONTRADICTED)


def culprits(planted: Iterable[Planted]) -> set[str]:
    return {claim_id for error in planted for claim_id in error.claim_ids}


def asked(task: Task) -> Answer:
    """Makes the report and asks."""
    honest, report, planted = write_case(task.seed, task.size, task.errors)
    answer = Answer(planted, honest.truth.largest_funding)
    (_ask_audit if task.who == AUDIT else _ask_peers)(task, honest, report, answer)
    return answer


def _ask_audit(task: Task, honest: Report, report: Report, answer: Answer) -> None:
    started, busy = time.perf_counter(), time.process_time()
    audit = audit_claims(report.published)
    ranked = explanations(audit)
    answer.seconds, answer.cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    answer.verdict, answer.peak_mib = audit.verdict, peak_mib()
    wrong = culprits(answer.planted)
    answer.ways, answer.right_ways = len(audit.tied), sum(set(tied) <= wrong for tied in audit.tied)
    answer.rank = next((i for i, (claims, _) in enumerate(ranked, 1) if set(claims) <= wrong), None)
    if answer.rank and len(answer.planted) == 1:
        answer.named = ranked[answer.rank - 1][1]
        answer.right = answer.named == answer.planted[0].mechanism
        answer.right_in_effect = answer.right or could_be(answer.named, answer.planted[0], honest, report)
    if task.size <= REFERENCE_UP_TO:
        reference = Reference(report.claims)
        answer.feasible = reference.holds()
        if answer.feasible is False and audit.tied and len(audit.tied[0]) == 1:
            singles = reference.singles()
            answer.same_singles = None if singles is None else set(singles) == {claim for (claim,) in audit.tied}


def explanations(audit: Audit) -> list[tuple[tuple[str, ...], str]]:
    """The explanations with the fewest claims, best first, each with the mechanism that explains it best, if one does."""
    judged = {explained.claims: explained.mechanisms for part in audit.ranked for explained in part}
    return [(claims, fits[0].mechanism if (fits := judged.get(claims)) else "") for claims in audit.tied]


def could_be(mechanism: str, planted: Planted, honest: Report, report: Report) -> bool:
    """Whether the named mechanism turns the true figures into just what was printed, so that nobody could tell it from the planted one."""
    if mechanism not in MECHANISMS:
        return False
    printed = {claim.claim_id: claim for claim in report.claims if claim.claim_id in planted.claim_ids}
    originals = [claim for claim in honest.claims if claim.claim_id in printed]
    forms = (changed for claim in originals for changed in wrong_forms(mechanism, claim, honest))
    return any(all(printed.get(claim_id) == claim for claim_id, claim in changed.items()) for changed in forms)


def _ask_peers(task: Task, honest: Report, report: Report, answer: Answer) -> None:
    published = report.published
    methods = {"GRIM": lambda: grim(published), "totals and percentages": lambda: plain_check(published)}
    if task.size <= FELLEGI_HOLT_UP_TO:
        methods["Fellegi–Holt, points"] = lambda: fellegi_holt(published, task.seed, tolerances=False)
        methods["Fellegi–Holt, points with tolerances"] = lambda: fellegi_holt(published, task.seed, tolerances=True)
    for name, method in methods.items():
        started = time.perf_counter()
        opinion = method()
        rank = next((i for i, claim in enumerate(opinion.named, 1) if claim in culprits(answer.planted)), None)
        answer.peers[name] = (opinion.objects, rank, time.perf_counter() - started)


def peak_mib() -> float | None:
    """Largest memory this process ever held; None where the system does not tell."""
    with contextlib.suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return None


# Worker processes, so that a report which takes too long can be ended


def _work(pipe) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # HiGHS greets on standard output
    while True:
        task = pipe.recv()
        try:
            pipe.send(asked(task))
        except Exception as error:  # a failure of the audit is a result of the benchmark
            pipe.send(f"{type(error).__name__}: {error}")


class _Worker:
    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.task: Task | None = None
        self.used = False
        self.until = math.inf

    def begin(self, task: Task, limit: float) -> None:
        self.task, self.used, self.until = task, True, time.monotonic() + limit
        self.pipe.send(task)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def answers(tasks: Iterable[Task], *, limit: float, workers: int) -> Iterator[tuple[Task, Answer]]:
    """The answers as they come; one that takes longer than `limit` seconds is ended and told as timed out."""
    waiting = collections.deque(tasks)
    crew = [_Worker() for _ in range(workers)]
    while waiting or any(worker.task for worker in crew):
        for i, worker in enumerate(crew):
            if worker.task is None and waiting:
                if worker.used and waiting[0].size >= FRESH_PROCESS_FROM:  # so that its memory is this report's
                    worker.end()
                    worker = crew[i] = _Worker()
                worker.begin(waiting.popleft(), limit)
        busy = [worker for worker in crew if worker.task]
        soonest = max(0.0, min(worker.until for worker in busy) - time.monotonic())
        ready = multiprocessing.connection.wait([worker.pipe for worker in busy], soonest)
        for i, worker in enumerate(crew):
            if worker.task is None:
                continue
            task, found = worker.task, None
            if worker.pipe in ready:
                try:
                    found = worker.pipe.recv()
                except EOFError:
                    found = "the process ended"
            if found is None and time.monotonic() < worker.until:
                continue
            if found is None or found == "the process ended":
                worker.end()
                crew[i] = _Worker()
            if not isinstance(found, Answer):
                if found:
                    print(f"\n{task}: {found}", file=sys.stderr)
                honest, _, planted = write_case(task.seed, task.size, task.errors)
                found = Answer(planted, honest.truth.largest_funding, "failed" if found else "timed_out", limit)
            worker.task = None
            yield task, found
    for worker in crew:
        worker.end()


# Tables


Results = dict[tuple[int, int, int], Answer]  # by size, seed and number of errors


@dataclass
class Tally:
    """What some answers with errors come to."""

    planted: int = 0
    infeasible: int = 0
    detected: int = 0
    in_principle: int = 0
    first: int = 0
    three: int = 0
    single: int = 0
    right: int = 0
    right_in_effect: int = 0
    ways: int = 0

    @classmethod
    def of(cls, found: Iterable[Answer]) -> Tally:
        tally = cls()
        for a in found:
            detected = a.verdict == CONTRADICTED
            tally.planted += 1
            tally.infeasible += detected or a.feasible is False
            tally.detected += detected
            if detected and a.in_principle:
                tally.in_principle += 1
                tally.ways += a.ways
                tally.first += a.rank == 1
                tally.three += a.rank is not None and a.rank <= 3
                if len(a.planted) == 1:
                    tally.single += 1
                    tally.right += a.right
                    tally.right_in_effect += a.right_in_effect
        return tally

    @property
    def cells(self) -> list[str]:
        return [
            str(self.planted), str(self.infeasible), of(self.detected, self.infeasible), of(self.in_principle, self.detected),
            f"{self.ways / self.in_principle:.1f}" if self.in_principle else "–", of(self.first, self.in_principle), of(self.three, self.in_principle),
            of(self.right, self.single), of(self.right_in_effect, self.single),
        ]  # fmt: skip


HEADS = ["reports", "infeasible", "detected", "locatable", "tied, mean", "first", "in three", "mechanism", "or one with the same effect"]


def of(part: int, whole: int) -> str:
    return f"{part}/{whole} ({part / whole * 100:.1f} %)" if whole else "–"


def table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]


def times(found: Iterable[Answer]) -> list[str]:
    """Median and largest time of those that were answered, by the clock and of the processor, how many were not, largest memory."""
    found = list(found)
    answered = [a for a in found if a.verdict not in ("timed_out", "failed")]
    memory = [a.peak_mib for a in found if a.peak_mib is not None]
    ended = [f"{sum(a.verdict == verdict for a in found)}" for verdict in ("undecided", "timed_out", "failed")]
    both = [[a.seconds for a in answered], [a.cpu_seconds for a in answered]]
    clock = [f"{of_them(taken):.2f}" for taken in both for of_them in (statistics.median, max)] if answered else ["–"] * 4
    return [str(len(found)), *clock, *ended, f"{max(memory):.0f}" if memory else "–"]


def written(results: Results, beside: Results, options: argparse.Namespace) -> str:
    sizes = sorted({size for size, _, _ in results})
    wrong = {key: a for key, a in results.items() if a.planted}
    honest = {key: a for key, a in results.items() if not key[2]}
    lines = ["# Power of the consistency audit", ""]
    packages = ", ".join(f"{name} {version(name)}" for name in ("ortools", "z3-solver"))
    lines += [f"{os.cpu_count()} cores, Python {platform.python_version()}, {packages}. Seed {options.seed}; {len(results)} reports, {len(honest)} of them without an error; {options.limit:g} s for a report at most. Written by `benchmarks/bench_audit.py`.", ""]
    lines += [
        "Every report is printed from one true programme, honestly rounded; an error is an operation on what was printed that leaves the claim untrue.",
        f"*Infeasible*: the figures cannot all be true (the audit's own proof; up to {REFERENCE_UP_TO} claims also that of an independent solver over the",
        "cells of the programme). *Locatable*: an explanation with the fewest claims names nothing but wrong claims. *First*, *in three*, *mechanism*: of the",
        "locatable; mechanism where one error was planted, and beside it counting any mechanism that turns the true figure into the very same print.", "",
    ]  # fmt: skip
    lines += ["## By size", ""]
    lines += table(["claims", "honest", "false alarms", *HEADS[0:]], (
        [str(s), str(len(plain := [a for k, a in honest.items() if k[0] == s])), str(sum(a.verdict == CONTRADICTED for a in plain)), *Tally.of(a for k, a in wrong.items() if k[0] == s).cells]
        for s in sizes
    ))  # fmt: skip
    lines += ["", "## By mechanism, one error planted", ""]
    lines += table(["mechanism", *HEADS], ([m, *Tally.of(a for a in wrong.values() if [e.mechanism for e in a.planted] == [m]).cells] for m in MECHANISMS))
    lines += ["", "Two errors planted:", ""]
    lines += table(HEADS, [Tally.of(a for a in wrong.values() if len(a.planted) == 2).cells])
    lines += ["", "## Time and memory", ""]
    heads = ["claims", "errors", "reports", "median s", "longest s", "CPU: median s", "CPU: longest s", "undecided", "timed out", "failed", "peak MiB"]
    lines += table(heads, ([str(s), str(n), *times(some)] for s in sizes for n in (0, 1, 2) if (some := [a for k, a in results.items() if (k[0], k[2]) == (s, n)])))
    if beside:
        lines += ["", "## Other methods on the same reports", "", *_peers(results, beside)]
    lines += ["", "## Targets", "", *_targets(results, honest, wrong, sizes)]
    return "\n".join(lines) + "\n"


def _peers(results: Results, beside: Results) -> list[str]:
    lines = [
        "*Detected*: objects, of the infeasible reports. *First*, *in three*: a wrong claim is the first it names, is among the",
        "first three, of the locatable reports (for the audit, a whole explanation must be right). GRIM checks percentages and averages of printed counts. The plain check",
        "recomputes every total, percentage, growth, difference and average with the tolerance of the printed digits. Fellegi–Holt changes the fewest points, by a",
        "mixed-integer program as R's errorlocate does: big M is 10⁷, so larger values are missing; ratios are edits with constants, so a percentage is never named.", "",
    ]  # fmt: skip
    rows = []
    for size in sorted({k[0] for k in beside}):
        keys = [k for k in beside if k[0] == size and beside[k].peers]
        infeasible = [k for k in keys if k[2] and (results[k].verdict == CONTRADICTED or results[k].feasible is False)]
        located = [k for k in infeasible if results[k].in_principle]
        plain = [k for k in keys if not k[2]]
        ours = {k: (results[k].verdict == CONTRADICTED if results[k].has_verdict else None, results[k].rank, results[k].seconds) for k in keys}
        for name in ("the audit", *(next(iter(beside[k].peers for k in keys)) if keys else ())):
            told = ours if name == "the audit" else {k: beside[k].peers[name] for k in keys}
            rows.append([
                str(size), name, of(sum(told[k][0] is True for k in plain), len(plain)), of(sum(told[k][0] is True for k in infeasible), len(infeasible)),
                of(sum(told[k][1] == 1 for k in located), len(located)), of(sum((told[k][1] or 9) <= 3 for k in located), len(located)),
                str(sum(told[k][0] is None for k in keys)), f"{statistics.median(t[2] for t in told.values()):.3f}",
            ])  # fmt: skip
    return lines + table(["claims", "method", "false alarms", "detected", "first", "in three", "no answer", "median s"], rows)


def _targets(results: Results, honest: Results, wrong: Results, sizes: list[int]) -> list[str]:
    """One paragraph a target: what was measured, and where it fell short."""
    tally, ended = Tally.of(wrong.values()), collections.Counter(a.verdict for a in results.values())
    false_alarms = [k for k, a in honest.items() if a.verdict == CONTRADICTED]
    beyond = [k for k, a in results.items() if a.verdict == CONTRADICTED and a.feasible]
    checked = [a for a in results.values() if a.feasible is not None]
    differ = [k for k, a in results.items() if a.same_singles is False]
    lost = {k: a for k, a in wrong.items() if a.feasible is False and a.verdict != CONTRADICTED}
    unanswered = [k for k, a in results.items() if not a.has_verdict]
    lines = [
        told("No false alarm, ever", not false_alarms and not beyond,
             f"{of(len(false_alarms), len(honest))} honest reports contradicted{first_of(false_alarms)}; {len(beyond)} of {len(checked)} verdicts that the independent solver checked accuse a feasible report{first_of(beyond)}."),
        told("Every planted error that makes the figures infeasible is detected", not lost and not unanswered,
             f"{of(tally.detected, tally.infeasible)} of those known to be infeasible{first_of(lost)}; {len(unanswered)} of {len(results)} reports without a verdict (timed out {ended['timed_out']}, undecided {ended['undecided']}, failed {ended['failed']}){first_of(unanswered)}. "
             f"The independent solver finds the same single claims to blame in {of(sum(a.same_singles is True for a in results.values()), sum(a.same_singles is not None for a in results.values()))}{first_of(differ)}."),
    ]  # fmt: skip
    chance = sum(Fraction(a.right_ways, a.ways) for a in wrong.values() if a.in_principle) / max(1, tally.in_principle)
    by_chance = f"; {float(chance) * 100:.1f} % would be first if the tied stood in any order"
    for title, part, needed, worth, beside in (
        ("Culprit first in at least 80 %", tally.first, 80, lambda a: a.rank == 1, by_chance),
        ("Culprit within three in at least 95 %", tally.three, 95, lambda a: (a.rank or 9) <= 3, ""),
    ):
        missed = [a for a in wrong.values() if a.in_principle and not worth(a)]
        lines.append(told(title, part * 100 >= needed * tally.in_principle, f"{of(part, tally.in_principle)} of the locatable{beside}. {shortfalls(missed, tally.in_principle)}"))
    misnamed = [a for a in wrong.values() if a.in_principle and len(a.planted) == 1 and not a.right]
    lines.append(told("True mechanism named in at least 80 %", tally.right * 100 >= 80 * tally.single,
                      f"{of(tally.right, tally.single)} of the locatable with one error; {of(tally.right_in_effect, tally.single)} counting mechanisms with the same effect. {shortfalls(misnamed, tally.single)}{confusions(misnamed)}"))  # fmt: skip
    for size, errors, limit, title in ((200, (0, 1, 2), 2, "200 claims in less than 2 s"), (2000, (1,), 30, "2,000 claims with one error in less than 30 s")):
        some = [a for k, a in results.items() if k[0] == size and k[2] in errors]
        if some:
            slow = sum(a.seconds >= limit or not a.has_verdict for a in some)
            busy = sum(a.cpu_seconds >= limit or not a.has_verdict for a in some)
            lines.append(told(title, not slow, f"{of(len(some) - slow, len(some))} reports within it by the clock, {len(some) - busy} by processor time; longest {max(a.seconds for a in some):.1f} s{' (where it was ended)' if any(a.verdict == 'timed_out' for a in some) else ''}."))
    medians = {s: statistics.median(a.seconds for k, a in results.items() if k[0] == s) for s in sizes}  # timed out counts as the limit
    pairs = [(a, b, math.log(medians[b] / medians[a]) / math.log(b / a)) for a, b in zip(sizes, sizes[1:])]
    if pairs:
        lines.append(told("Time grows nearly linearly with claims", all(power <= 1.25 for _, _, power in pairs),
                          "; ".join(f"from {a:,} to {b:,} claims the median grows with the power {power:.2f}" for a, b, power in pairs) + " (1.25 taken as nearly)."))  # fmt: skip
    memory = [a.peak_mib for a in results.values() if a.peak_mib is not None]
    if memory:
        lines.append(told("Memory below 1 GiB", max(memory) < 1024, f"largest {max(memory):.0f} MiB, libraries included; reports that timed out are not in it."))
    huge = [a for a in results.values() if a.largest_funding >= 10**18]
    bad = [k for k, a in results.items() if a.largest_funding >= 10**18 and (not a.has_verdict or k in false_alarms)]
    lines.append(told("Amounts up to 10^18 đồng", bool(huge) and not bad, f"{len(huge)} reports of such a programme; {len(bad)} of them without a verdict or with a false alarm{first_of(bad)}."))
    return lines


def told(title: str, met: bool, measured: str) -> str:
    return f"- **{title}: {'met' if met else 'not met'}.** {measured}"


def first_of(keys: Iterable[tuple[int, int, int]]) -> str:
    """How to make the first few again."""
    some = [f"write_case({seed}, {size}, {errors})" for size, seed, errors in sorted(keys)[:3]]
    return f" (first: {', '.join(some)})" if some else ""


def shortfalls(missed: list[Answer], whole: int) -> str:
    """By which mechanisms the misses are, the most frequent first."""
    by = collections.Counter("+".join(sorted(e.mechanism for e in a.planted)) if len(a.planted) == 1 else "two errors" for a in missed)
    most = ", ".join(f"{name} {count}" for name, count in sorted(by.items(), key=lambda pair: (-pair[1], pair[0]))[:5])
    return f"Missed {len(missed)} of {whole}: {most}." if missed else ""


def confusions(missed: list[Answer]) -> str:
    by = collections.Counter((a.planted[0].mechanism, a.named or "nothing") for a in missed)
    most = ", ".join(f"{true} as {named} {count}" for (true, named), count in sorted(by.items(), key=lambda pair: (-pair[1], pair[0]))[:6])
    return f" Most often: {most}." if missed else ""


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default=SIZES, help=f"claims in a report, with commas (default {SIZES})")
    parser.add_argument("--reports", default=REPORTS, help=f"how many of each size; one number is for all (default {REPORTS})")
    parser.add_argument("--seed", type=int, default=0, help="the first report's; the others count on (default 0)")
    parser.add_argument("--limit", type=float, default=40.0, help="seconds for one report (default 40)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--no-peers", action="store_true", help="leave out the other methods")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "POWER.md", help="the file to write")
    options = parser.parse_args()
    options.sizes = [int(size) for size in options.sizes.split(",")]
    options.reports = [int(count) for count in options.reports.split(",")]
    if len(options.reports) == 1:
        options.reports *= len(options.sizes)
    if len(options.reports) != len(options.sizes) or min(options.sizes + options.reports + [options.workers]) < 1:
        parser.error("--reports: one number, or one for each size; all at least 1")
    return options


def main() -> None:
    options = read_options()
    found: dict[str, Results] = {AUDIT: {}, PEERS: {}}
    for who in (AUDIT,) if options.no_peers else (AUDIT, PEERS):
        tasks = [
            Task(who, size, options.seed + i, ERRORS[i % len(ERRORS)]) for size, count in zip(options.sizes, options.reports) for i in range(count)
        ]
        for done, (task, answer) in enumerate(answers(tasks, limit=options.limit, workers=options.workers), 1):
            found[who][task.size, task.seed, task.errors] = answer
            if sys.stderr.isatty() or not done % 200:
                print(f"\r{who}: {done} of {len(tasks)}, {task.size} claims", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    ordered = [dict(sorted(found[who].items())) for who in (AUDIT, PEERS)]
    text = written(*ordered, options)
    options.out.write_text(text, encoding="utf-8", newline="\n")
    print(text)


if __name__ == "__main__":
    main()
