"""`fab --list` and the help of the tasks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from selvedge.tasklist import OWN, grouped
from tests.support.paths import ROOT
from tests.unit.engine.test_command_line import fab
from tests.unit.project.test_sizes import STEPS

pytestmark = pytest.mark.programs

FAB = Path(sys.executable).parent / "fab"
ROW = re.compile(r"  [a-z.-]+ {2,}\S.*\.")
STEP_GROUPS = [
    "The tutorial's steps, in order", "In place of venv, with Docker", "Steps of [services] and [metrics]", "Several web servers",
]  # fmt: skip
HEADINGS = [*STEP_GROUPS, "Chains of steps", "Every day", "Files for other platforms", "The sandbox"]


def fab_in(folder: Path, *words: str) -> str:
    """What fab prints in a folder."""
    return subprocess.run([FAB, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def names(rows: str) -> list[str]:
    return [line.split()[0] for line in rows.splitlines() if line.startswith("  ")]


def headings(listing: str) -> list[str]:
    return [line for line in listing.splitlines()[1:] if line and not line.startswith(" ")]


@pytest.fixture(scope="module")
def listing() -> subprocess.CompletedProcess[str]:
    """The output of `fab --list`, with its imports on standard error."""
    command = [sys.executable, "-X", "importtime", str(FAB), "--list"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def checkout(folder: Path) -> None:
    """Make a checkout of Selvedge that has no hosts.toml, with a fabfile of its own."""
    for file in ("fabfile.py", "fabric.yaml"):
        shutil.copy2(ROOT / file, folder)
    for name in ("selvedge", "tasks", "templates"):
        (folder / name).symlink_to(ROOT / name)


def test_the_list_of_tasks_imports_nothing_heavy(listing: subprocess.CompletedProcess[str]) -> None:
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in listing.stderr.splitlines() if "|" in line}
    assert "fabric" in modules and "tasks" in modules
    assert not modules & {
        "pydantic", "pydantic_core", "pydantic_settings", "jinja2", "rich", "dotenv", "sandbox", "hypothesis",
    }  # fmt: skip
    assert "selvedge.config.settings" not in listing.stderr


def test_every_task_has_one_line_of_help(listing: subprocess.CompletedProcess[str]) -> None:
    rows = [line for line in listing.stdout.splitlines()[1:] if line.strip() and line not in HEADINGS]
    wrapped = [row for row in rows if not re.match(r"  \S", row)]
    assert not wrapped, "a line of help is too long for 80 columns"
    assert not [row for row in rows if not ROW.fullmatch(row) or len(row) > 80 or len(row.split(maxsplit=1)[1]) > 60]


@pytest.mark.parametrize("form", [["--list-format=nested"], ["--list-depth=1"]])
def test_every_row_of_the_other_forms_fits_80_columns(tmp_path: Path, form: list[str]) -> None:
    shown = fab(tmp_path, "--list", *form).stdout
    assert "deploy" in shown and not re.findall(r"^ {9}.*", shown, re.MULTILINE)


def test_the_tasks_are_in_groups_that_begin_with_the_steps_of_the_tutorial(listing: subprocess.CompletedProcess[str]) -> None:
    assert headings(listing.stdout) == HEADINGS
    shown = names(listing.stdout)
    images, several = ["image", "image.build", "image.push"], ["balancer", "drain", "undrain"]
    assert shown[: len(STEPS) + 11] == [*STEPS, *images, "postgres", "redis", "metrics", *several, "setup", "deploy"]
    assert {"rollback", "releases", "status", "logs", "doctor"} <= set(shown)
    assert [name for name in shown if name.startswith("sandbox.")] == shown[-4:]


def test_your_own_tasks_have_a_group_at_the_end(tmp_path: Path) -> None:
    checkout(tmp_path)
    own = "from invoke import Collection, task\n@task\ndef dump(_):\n    '''Copy the data.'''\nnamespace.add_task(dump)\n"
    more = "namespace.add_collection(Collection(dump), 'db')\n"
    (tmp_path / "fabfile.py").write_text((ROOT / "fabfile.py").read_text() + own + more)
    shown = fab_in(tmp_path, "--list")
    assert headings(shown) == [*HEADINGS, OWN]
    assert names(shown)[-2:] == ["dump", "db.dump"]
    nested = fab_in(tmp_path, "--list", "--list-format=nested")
    assert names(nested)[-3:] == ["dump", "db", ".dump"]


def test_the_list_of_one_collection_and_the_list_as_json_are_those_of_fabric(tmp_path: Path) -> None:
    shown = fab(tmp_path, "--list", "sandbox").stdout
    assert shown.splitlines()[0] == "Available 'sandbox' tasks:"
    assert names(shown) == [".down", ".list", ".ssh", ".up"]
    assert {task["name"] for task in json.loads(fab(tmp_path, "--list", "--list-format=json").stdout)["tasks"]} > set(STEPS)


def test_a_row_belongs_to_the_task_or_collection_that_it_begins_with() -> None:
    rows = [("b", None), ("a (alias)", ""), ("own [2 tasks]", ""), ("box*", ""), ("    .x*", ""), ("other", "")]
    assert list(grouped(rows, {"First": ["a", "b"], "Box": ["box"], "None": ["missing"]})) == [
        ("First", [rows[1], rows[0]]),
        ("Box", [rows[3], rows[4]]),
        (OWN, [rows[2], rows[5]]),
    ]


def test_the_help_of_each_flag_is_one_line_of_a_terminal_with_80_columns() -> None:
    import fabfile

    for context in fabfile.namespace.to_contexts():
        flags = context.help_tuples()
        width = max((len(spec) for spec, _ in flags), default=0)
        long = [text for _, text in flags if 2 + width + 3 + len(text) > 79]
        assert not long, f"{context.name}: the help of a flag is too long"
