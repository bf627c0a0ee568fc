# SPDX-License-Identifier: Apache-2.0
"""Prints a TAP line for each test, so that automake counts tests and not files."""
import sys

_count = 0


def _line(word, name, directive=""):
    global _count
    _count += 1
    sys.__stdout__.write(f"\n{word} {_count} - {name}{directive}\n")
    sys.__stdout__.flush()


def pytest_runtest_logreport(report):
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _line("ok", report.nodeid, " # SKIP " + reason.replace("\n", " "))
    elif report.failed:
        # A failed setup or teardown counts as a failed test of its own.
        suffix = "" if report.when == "call" else f" ({report.when})"
        _line("not ok", report.nodeid + suffix)
    elif report.when == "call":
        _line("ok", report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        _line("not ok", f"collecting {report.nodeid}")


def pytest_sessionfinish(session, exitstatus):
    sys.__stdout__.write(f"\n1..{_count}\n")
    sys.__stdout__.flush()
