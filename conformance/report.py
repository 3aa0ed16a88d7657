"""What a run says about each conformance class, and whether the server's declaration agrees with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pytest

from conformance.classes import BY_URI, CLASSES, ConformanceClass

CLASS_PROPERTY = "conformance class"
LEFT_OUT_PROPERTY = "left out"

_WORST_LAST = ("skipped", "passed", "failed")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; `fault` is empty where declaration and tests agree."""

    name: str
    declared: str
    counts: Counter[str]
    fault: str


class ClassReport:
    """Gathers the outcomes of tests by conformance class; a pytest plugin."""

    def __init__(self, declared: Collection[str], *, whole_suite: bool) -> None:
        self._declared = set(declared)
        self._whole_suite = whole_suite
        self._outcomes: dict[str, dict[str, str]] = defaultdict(dict)
        self._left_out: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == CLASS_PROPERTY:
                self._note(str(value), report)
            elif name == LEFT_OUT_PROPERTY and report.when == "teardown":
                self._left_out[str(value)] += 1

    def _note(self, key: str, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        # A failed test of a class that is not declared is shown as expected to fail: see conftest.py.
        outcome = "failed" if hasattr(report, "wasxfail") else report.outcome
        seen = self._outcomes[key].get(report.nodeid, "skipped")
        self._outcomes[key][report.nodeid] = max(seen, outcome, key=_WORST_LAST.index)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and self._whole_suite and any(row.fault for row in self.rows()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def rows(self) -> list[Row]:
        """A line for each class that is declared or has tests, then one for each declared URI that we do not know."""
        counts = {key: Counter(outcomes.values()) for key, outcomes in self._outcomes.items()}
        known = [_row(row, self._declared, counts.get(row.key, Counter())) for row in CLASSES.values()]
        unknown = [
            Row(name=uri, declared="yes", counts=Counter(), fault="declared, but not in classes.yml")
            for uri in sorted(self._declared - BY_URI.keys())
        ]
        return [row for row in known if row.declared != "no" or row.counts or row.fault] + unknown

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        rows = [row for row in self.rows() if self._whole_suite or row.counts]
        width = max((len(row.name) for row in rows), default=0)
        terminalreporter.section("conformance classes")
        terminalreporter.write_line(f"{'class':<{width}}  declared  passed  failed  skipped")
        for row in rows:
            numbers = "  ".join(f"{row.counts[name] or '-':>{len(name)}}" for name in ("passed", "failed", "skipped"))
            fault = f"  << {row.fault}" if row.fault and self._whole_suite else ""
            terminalreporter.write_line(f"{row.name:<{width}}  {row.declared:>8}  {numbers}{fault}", red=bool(fault))
        self._say_verdict(terminalreporter, rows)

    def _say_verdict(self, terminal: pytest.TerminalReporter, rows: list[Row]) -> None:
        faults = sum(bool(row.fault) for row in rows)
        if not self._whole_suite:
            terminal.write_line("Only a part of the suite ran, so that the declaration was not judged.", yellow=True)
        elif faults:
            terminal.write_line(f"FAILED: {faults} classes where the declaration and the tests disagree.", red=True)
        else:
            terminal.write_line("The server declares exactly the classes that it was seen to meet.", green=True)
        if self._left_out:
            checks = ", ".join(f"{name} ({number})" for name, number in sorted(self._left_out.items()))
            terminal.write_line(f"Left out, as there are no official schemas (--schemas): {checks}", yellow=True)


def _row(row: ConformanceClass, declared: Collection[str], counts: Counter[str]) -> Row:
    spellings = sum(uri in declared for uri in row.uris)
    state = {0: "no", len(row.uris): "yes"}.get(spellings, "partly")
    return Row(name=row.key, declared=state, counts=counts, fault=_fault(row, state, counts))


def _fault(row: ConformanceClass, declared: str, counts: Mapping[str, int]) -> str:
    if row.status == "tested" and not counts:
        return "classes.yml says that it is tested, but it is not"
    if declared == "no":
        return "passes, but is not declared" if counts["passed"] and not counts["failed"] else ""
    if counts["failed"]:
        return "declared, but tests fail"
    if not counts["passed"]:
        return f"declared, but nothing here proves it ({row.status})"
    if declared == "partly":
        missing = [uri for uri in row.uris if uri not in declared]
        return f"not declared under every spelling of {missing[0]}"
    return ""
