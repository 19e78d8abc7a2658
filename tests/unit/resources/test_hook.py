"""Hooks: the commands around a release."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.code.hook import Hook
from tests.support.tables import check, table

RELEASE = "/srv/hello/releases/a"
HOOK = Hook(
    "after_build", ("./check 'it'", "local: npm run build", "./tell"), "/srv/hello/mark", "hello", f"{RELEASE}/backend",
    RELEASE, "/srv/hello/live.sock", (("RELEASE", "a"),), run="/srv/hello/instances/a/run",
)  # fmt: skip
RUN = """hook=after_build
user=hello
folder=/srv/hello/releases/a/backend
mark_path=/srv/hello/mark
hook_run 2 RELEASE=a PREVIOUS={0} './check '"'"'it'"'"'' ./tell"""


@table(
    (HOOK, "done\n", None),
    (HOOK, "previous b-1\n", "run the hook after_build", RUN.format("b-1")),
    (HOOK, "previous \n", "run the hook after_build", RUN.format("")),
)
def test_hook(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


def test_local_commands_run_on_this_machine_with_the_same_variables() -> None:
    change = HOOK.plan("previous b-1\n")
    assert change and change.local_commands == ("npm run build",)
    assert dict(change.local_env_vars) == {"RELEASE": "a", "PREVIOUS": "b-1"}
    assert "npm" not in change.shell
