"""Scripts for a server: to read it, to make the changes of a step, to call a function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from selvedge.engine.plan import Plan
from selvedge.resources.base import Query
from selvedge.shell import library
from selvedge.shell.library import call
from selvedge.shell.quoting import assign

HEAD = (Path(library.__file__).parent / "head.sh").read_text(encoding="utf-8")


def script(*parts: str, mark: str = "") -> str:
    """Return a script with these parts, and before them the functions that they call. mark: begins its lines of progress."""
    head = [HEAD, assign(mark=mark)] if mark else [HEAD]
    return "\n".join([*head, *library.libraries(parts), *parts]) + "\n"


def call_script(shell: str, mark: str = "") -> str:
    """Return a script that runs `shell` without standard input; its output contains its errors."""
    return script(f"main() {{\n{shell}\n}}", "main </dev/null 2>&1", mark=mark)


def read_script(queries: Sequence[Query], mark: str) -> str:
    """Return a script that runs all probes and writes nothing. Each fact follows a line "<mark> fact <index>"."""
    facts = [f"printf '\\n%s fact {index}\\n' \"$mark\"\n{query.probe()}" for index, query in enumerate(queries)]
    middle = (len(facts) + 1) // 2
    units = dict.fromkeys(name for query in queries for name in query.units())
    return script(
        "\n".join(["read_first() {", *facts[:middle], ":\n}"]),
        "\n".join(["read_second() {", *facts[middle:], ":\n}"]),
        "\n".join(["read_lookups() {", *_lookups(queries), ":\n}"]),
        call("read_all", *units),
        mark=mark,
    )


def _lookups(queries: Sequence[Query]) -> Iterator[str]:
    """Yield shell that looks up all paths, hashes and packages of the probes, by one process for each kind (probe.sh)."""
    paths = dict.fromkeys(path for query in queries for path in query.paths())
    hashed = dict.fromkeys(path for query in queries for path in query.hashed())
    packages = dict.fromkeys(name for query in queries for name in query.packages())
    if paths:
        yield call("probe_take_paths", *paths)
    if hashed:
        yield call("probe_take_hashes", *hashed)
    if packages:
        yield call("probe_take_packages", *packages)


def parse_facts(output: str, mark: str, count: int) -> list[str] | None:
    """Return the facts in the order of the queries; None if the output is incomplete."""
    body, end, _ = output.rpartition(f"\n{mark} facts end\n")
    if not end:
        return None
    pieces = body.split(f"\n{mark} fact ")[1:]
    if len(pieces) != count:
        return None
    return [piece.partition("\n")[2] for piece in pieces]


def step_script(plan: Plan, mark: str, app: str, *, by: str = "", why: str = "") -> str:
    """Return a script that makes the changes of a section. It runs to its end even if the connection is lost.

    by, why: the user and the step, for the app's history (`fab history`); without `by` nothing is added to it. The script
    reads the payloads from standard input in order. Its lines of progress: "<mark> begin N", "<mark> done N",
    "<mark> failed N STATUS", "<mark> say TEXT", "<mark> wait TEXT", "<mark> gate LAYER [ANSWER]", "<mark> error TEXT",
    "<mark> end STATUS". A guarded section is armed first, and undone if one of its changes fails.
    """
    guard = plan.guard
    changes = {"before": "\n".join(filter(None, plan.before))} if any(plan.before) else {}
    changes |= {str(index): change.shell for index, (_, change) in enumerate(plan.changes)}
    bodies = {**changes, "arm": guard.arm if guard else ":"}
    counted = sum(not change.noted for _, change in plan.changes) if by else 0
    # Only the last line starts the changes: a script that arrives incomplete makes none.
    return script(
        *(f"change_{name}() (\nset -eu\n{shell}\n)" for name, shell in bodies.items()),
        f"change_failed() {{\n{guard.revert if guard else ':'}\n}}",
        call("step_start", step_app=app, step_by=by, step_why=why, step_changes=" ".join(changes), step_counted=counted),
        mark=mark,
    )
