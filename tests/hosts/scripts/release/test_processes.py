"""Processes beside the web process: which of them run, in which order they start and stop, and what their managers say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW, OLD

# A process manager that has the units in /run/units, each line as unit_facts prints it, and notes what it is told.
FAKE = """
unit_list() { sed 's/ .*//' /run/units 2>/dev/null | case $1 in '*') cat ;; *) grep -F "$1." ;; esac || :; }
unit_facts() { for unit; do grep "^$unit " /run/units || echo "$unit - 0 down"; done; }
for word in boot unboot start ask end; do eval "unit_$word() { echo \\"$word \\$*\\" >>/var/log/told; }"; done
gate_wait() { :; }
new=NEW_ID
""".replace("NEW_ID", NEW)


def process(managed: Managed, instance: str, name: str, count: int = 1, overlap: str = "yes") -> Path:
    """Add a process to a release, and return its folder."""
    folder = managed.server.path(f"/srv/hello/instances/{instance}/processes/{name}")
    folder.mkdir(parents=True)
    (folder / "count").write_text(f"{count}\n")
    (folder / "settings").write_text(f"overlap {overlap}\nstop_timeout 9\n")
    return folder


def units(managed: Managed, *lines: str) -> None:
    managed.server.path("/run/units").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(("count", "there", "picked"), [
    (2, [], ["w@1", "w@2"]),
    (0, ["w@1 boot 7 up"], []),
    (2, ["w@1 boot 7 up", "w@2 boot 8 up"], ["w@1", "w@2"]),
    (1, ["w@1 boot 7 up", "w@2 boot 8 up"], ["w@1"]),
    (3, ["w@1 boot 7 up", "w@2 boot 8 ended"], ["w@1", "w@2", "w@3"]),
    # One that finishes its work keeps its number.
    (2, ["w@1 - 7 stopping", "w@2 - 8 stopping"], ["w@3", "w@4"]),
    (2, ["w@1 boot 7 stopping"], ["w@2", "w@3"]),
    # Those of the previous release, which a boot no longer starts, when everything goes back to it.
    (2, ["w@3 - 7 up", "w@4 - 8 up"], ["w@3", "w@4"]),
    (2, ["w@1 - 0 down", "w@2 - 8 up"], ["w@2", "w@1"]),
    (1, ["w@2 boot 0 down"], ["w@2"]),
    (1, ["ww@1 boot 5 up", "x@1 boot 5 up"], ["w@1"]),
])  # fmt: skip
def test_the_units_that_should_run(managed: Managed, count: int, there: list[str], picked: list[str]) -> None:
    process(managed, NEW, "w", count)
    units(managed, *(f"{NEW}.{each}" for each in there), f"{OLD}.w@1 boot 9 up")
    said = managed.run(f'{FAKE}\nprocesses_pick {NEW} w "$(processes_states {NEW})"')
    assert said.split() == [f"{NEW}.{each}" for each in picked]


@pytest.mark.parametrize(("old", "new", "told"), [
    ("yes", "yes", [f"boot {NEW}.w@1", f"unboot {OLD}.w@1"]),
    # A boot in between starts none rather than two.
    ("no", "no", [f"unboot {OLD}.w@1", f"boot {NEW}.w@1"]),
    ("yes", "no", [f"unboot {OLD}.w@1", f"boot {NEW}.w@1"]),
    ("no", "yes", [f"unboot {OLD}.w@1", f"boot {NEW}.w@1"]),
])  # fmt: skip
def test_what_a_boot_starts_changes_in_an_order_that_a_power_cut_may_end(
    managed: Managed, old: str, new: str, told: list[str]
) -> None:
    process(managed, OLD, "w", overlap=old)
    process(managed, NEW, "w", overlap=new)
    units(managed, f"{OLD}.w@1 boot 7 up")
    assert managed.run(f"{FAKE}\nprocesses_boot {NEW}") == ""
    assert managed.told == told


def test_what_must_not_run_twice_ends_before_the_new_processes_start(managed: Managed) -> None:
    """Also one with another name, which may be the same scheduler; those of a third release, too."""
    for name in ("worker", "beat"):
        process(managed, NEW, name, overlap="no" if name == "beat" else "yes")
    process(managed, OLD, "worker")
    process(managed, OLD, "clock", overlap="no")
    units(managed, f"{OLD}.worker@1 boot 7 up", f"{OLD}.clock@1 - 8 up", f"{OLD}r1.beat@1 - 9 stopping")
    assert managed.run(f"{FAKE}\nchangeover_to {NEW}") == ""
    started = f"{NEW}.beat@1 {NEW}.worker@1"
    assert managed.told == [f"end {OLD}.clock@1 {OLD}r1.beat@1", f"boot {started}", f"start {started}"]


def test_processes_that_run_already_are_not_started_again(managed: Managed) -> None:
    process(managed, NEW, "w", 2)
    units(managed, f"{NEW}.w@1 boot 7 up", f"{NEW}.w@2 boot 0 ended")
    managed.run(f"{FAKE}\nchangeover_to {NEW}")
    assert managed.told == [f"boot {NEW}.w@2", f"start {NEW}.w@2"]


@pytest.mark.parametrize(("overlap", "there", "told"), [
    ("yes", ["w@1 boot 7 up", "w@2 boot 8 up"],
     ["boot w@3 w@4", "start w@3 w@4", "unboot w@1 w@2", "ask w@1 w@2"]),
    # A unit that is missing gets its number again: it must not count as one that ran before.
    ("yes", ["w@1 boot 7 up"], ["boot w@2 w@3", "start w@2 w@3", "unboot w@1", "ask w@1"]),
    ("yes", [], ["boot w@1 w@2", "start w@1 w@2"]),
    ("no", ["w@1 boot 7 up"], ["end w@1", "boot w@1", "start w@1"]),
    ("no", [], ["boot w@1", "start w@1"]),
    # One that still finishes its work.
    ("no", ["w@1 - 7 stopping"], ["end w@1", "boot w@2", "start w@2"]),
    ("yes", ["w@1 - 7 stopping"], ["boot w@2 w@3", "start w@2 w@3"]),
])  # fmt: skip
def test_a_restart_stops_the_processes_that_ran_and_no_others(
    managed: Managed, overlap: str, there: list[str], told: list[str]
) -> None:
    process(managed, NEW, "w", 2 if overlap == "yes" else 1, overlap)
    units(managed, *(f"{NEW}.{each}" for each in there))
    fake = f"{FAKE}process_note() {{ :; }}\nchangeover_settle() {{ :; }}\n"
    assert managed.run(f"{fake}changeover_restart {NEW} w now") == ""
    assert managed.told == [each.replace("w@", f"{NEW}.w@") for each in told]


@pytest.mark.parametrize("overlap", ["yes", "no"])
def test_a_restart_that_fails_is_in_the_history(managed: Managed, overlap: str) -> None:
    process(managed, NEW, "w", 1, overlap)
    units(managed, f"{NEW}.w@1 boot 7 up")
    fake = f"{FAKE}changeover_settle() {{ changeover_problem='w ended'; return 1; }}\nchangeover_show() {{ :; }}\nstep_by=me\n"
    assert "w ended" in managed.run(f'{fake}step_fail() {{ echo "$1"; exit 1; }}\nchangeover_restart {NEW} w now')
    history = managed.server.path("/srv/hello/history").read_text()
    assert history.endswith(f"\tme\trestart w\t{NEW}\t{NEW}\tfailed\n") and history.count("\n") == 1


def test_a_server_without_processes_is_not_asked_for_any(managed: Managed) -> None:
    managed.server.program("systemctl", 'echo "systemctl $*" >>/var/log/told')
    managed.server.program("curl", 'echo "curl $*" >>/var/log/told')
    shell = f"processes_boot {NEW}; processes_has {NEW} || echo none; releases_fact; changeover_run; changeover_scale"
    assert "none\n" in managed.run(f"new={NEW}\nrepo=/srv/hello/repo.git\n{shell}")
    assert managed.told == []


@pytest.mark.parametrize(("lines", "said"), [
    (["w@1 boot 7 up", "w@2 boot 0 ended"], "2 2 1 0"),
    (["w@1 boot 7 up", "w@2 boot 0 down", "w@3 - 9 stopping"], "2 1 1 1"),
    ([], "2 0 0 0"),
])  # fmt: skip
def test_the_fact_of_a_process(managed: Managed, lines: list[str], said: str) -> None:
    process(managed, NEW, "w", 2)
    units(managed, *(f"{NEW}.{each}" for each in lines))
    assert managed.run(f"{FAKE}\nprocesses_fact {NEW}") == f"processes w {said} \n"


INFO = (
    "<value><struct><member><name>name</name><value><string>{0}</string></value></member><member><name>group</name>"
    "<value><string>{0}</string></value></member><member><name>statename</name><value><string>{1}</string></value></member>"
    "<member><name>pid</name>\n<value><int>{2}</int></value></member></struct></value>"
)
SECTION = "[program:hello.X.w@NUMBER]\ncommand=/srv/start NUMBER\nautostart=true\nstdout_logfile=/var/log/X.w@NUMBER.log\n"


@pytest.mark.parametrize(("state", "fact"), [
    ("RUNNING", "7 up"), ("STARTING", "7 up"), ("BACKOFF", "7 ended"), ("EXITED", "7 ended"), ("STOPPING", "7 stopping"),
    ("STOPPED", "7 down"), ("FATAL", "7 down"),
])  # fmt: skip
def test_supervisors_states(managed: Managed, state: str, fact: str) -> None:
    (process(managed, NEW, "w") / "process.conf").write_text(SECTION)
    answer = INFO.format(f"hello.{NEW}.w@11", "RUNNING", 4) + INFO.format(f"hello.{NEW}.w@1", state, 7)
    managed.server.path("/run/answer").write_text(answer)
    managed.server.program("curl", "cat /run/answer")
    assert managed.run(f"unit_facts {NEW}.w@1") == f"{NEW}.w@1 - {fact}\n"
    assert managed.run(f"unit_boot {NEW}.w@1\nunit_facts {NEW}.w@1\nunit_list '*'") == f"{NEW}.w@1 boot {fact}\n{NEW}.w@1\n"
    file = managed.server.path(f"/etc/supervisor/conf.d/hello.{NEW}.w@1.conf")
    assert file.read_text() == SECTION.replace("NUMBER", "1")
    managed.run(f"unit_unboot {NEW}.w@1")
    assert file.read_text() == SECTION.replace("NUMBER", "1").replace("=true", "=false")


def test_systemds_states(managed: Managed) -> None:
    managed.server.path("/etc/systemd/system/multi-user.target.wants").mkdir(parents=True)
    folder = process(managed, NEW, "w")
    (folder / "process.service").write_text("[Unit]\n")
    (folder.parents[1] / "program.conf").unlink()
    (folder.parents[1] / "unit.service").touch()
    blocks = [
        (1, 7, "active", "running"), (2, 0, "activating", "auto-restart"), (3, 8, "deactivating", "stop-sigterm"),
        (4, 0, "failed", "x"),
    ]  # fmt: skip
    shown = "\n".join(f"MainPID={pid}\nId=hello.{NEW}.w@{n}.service\nActiveState={a}\nSubState={s}\n" for n, pid, a, s in blocks)
    managed.server.path("/run/shown").write_text(shown)
    managed.server.program(
        "systemctl",
        "case $* in show*) cat /run/shown ;; *enable*) for last; do :; done\n"
        'ln -s ../x "/etc/systemd/system/multi-user.target.wants/$last" ;; esac',
    )
    names = " ".join(f"{NEW}.w@{number}" for number in (1, 2, 3, 4))
    said = managed.run(f"unit_boot {NEW}.w@1\nunit_facts {names}").splitlines()
    assert [line.removeprefix(f"{NEW}.w") for line in said] == ["@1 boot 7 up", "@2 - 0 ended", "@3 - 8 stopping", "@4 - 0 down"]


def test_the_managers_are_asked_once_for_all_processes(managed: Managed) -> None:
    """A server may have fifty of them, and each question takes some milliseconds."""
    for number in range(50):
        process(managed, NEW, f"w{number}")
    units(managed, *(f"{NEW}.w{number}@1 boot 7 up" for number in range(50)))
    asked = (
        "unit_list() { echo list >>/var/log/told; sed 's/ .*//' /run/units; }\n"
        "unit_facts() { echo facts >>/var/log/told; cat /run/units; }"
    )
    said = managed.run(f"{FAKE}{asked}\nprocesses_fact {NEW}\nprocesses_wanted {NEW}").splitlines()
    assert [line for line in said if line.startswith("processes ")] == sorted(f"processes w{n} 1 1 1 0 " for n in range(50))
    assert len(said) == 100
    assert managed.told == ["list", "facts"] * 2


def test_restarts_are_counted_for_each_process(managed: Managed) -> None:
    process(managed, NEW, "w", 2)
    process(managed, NEW, "ww")
    units(managed, *(f"{NEW}.{each} boot 7 up" for each in ("w@1", "w@2", "ww@1")))
    asked = "unit_restarts() { echo ${1##*@}; }"
    assert managed.run(f"{FAKE}{asked}\nprocesses_fact {NEW} restarts") == "processes w 2 2 2 0 3\nprocesses ww 1 1 1 0 1\n"


@pytest.mark.parametrize(("overlap", "counted"), [("yes", True), ("no", False)])
def test_the_memory_of_a_release_is_also_that_of_its_processes_and_their_children(
    managed: Managed, overlap: str, counted: bool
) -> None:
    """A process that must end before the new one starts needs no memory beside it."""
    process(managed, OLD, "w", overlap=overlap)
    shell = (
        f"sh -c 'sleep 60 & wait' >/dev/null & parent=$!; while ! child=$(pgrep -P $parent); do :; done\n"
        f'echo "{OLD}.w@1 boot $parent up" >/run/units\n'
        f'echo $(processes_pids {OLD} | sort -n)" is "$(processes_pids {OLD} {NEW} | sort -n) "of $parent $child"\n'
        "kill $parent $child"
    )
    every, _, rest = managed.run(f"{FAKE}{shell}").strip().partition(" is ")
    beside, _, wanted = rest.partition("of ")
    assert every.split() == sorted(wanted.split(), key=int)
    assert beside.split() == (every.split() if counted else [])


def test_programs_that_went_into_the_background_end_with_their_release(managed: Managed) -> None:
    """supervisor does not know them, and they are in no process group of a process."""
    managed.server.program("stat", 'case $* in *%U*) echo hello ;; *) exec /usr/bin/stat "$@" ;; esac')
    begin = "env {} setsid sleep 60 </dev/null >/dev/null 2>&1 &\n"
    shell = begin.format(f"RELEASE={NEW} PROCESS_NUMBER=1") + "stray=$!\n"
    # Those of another release, and the run of a timer.
    shell += begin.format(f"RELEASE={OLD} PROCESS_NUMBER=1") + "other=$!\n" + begin.format(f"RELEASE={NEW}") + "timer=$!\n"
    shell += f'until [ -n "$(supervisorunit_strays {NEW})" ]; do sleep 0.05; done\n'
    shell += f'sleep() {{ command sleep "$1"; wait "$stray" || :; }}\nsupervisorunit_forget {NEW}\n'
    shell += "for pid in $stray $other $timer; do kill -0 $pid 2>/dev/null && echo runs || echo ended; done\nkill $other $timer"
    assert managed.run(shell).split() == ["ended", "runs", "runs"]


@pytest.mark.parametrize(("answer", "said"), [
    ("<string>CANT_REREAD: x</string>", "supervisor cannot read its configuration, so it starts no new program."),
    ("", "supervisor does not answer."),
    ("<methodResponse>", ""),
])  # fmt: skip
def test_why_supervisor_starts_no_process(managed: Managed, answer: str, said: str) -> None:
    managed.server.path("/run/answer").write_text(answer)
    managed.server.program("curl", "cat /run/answer")
    output = managed.run(f"unit_start {NEW}.w@1")
    assert said in output and ("say" in output) is bool(said)


@pytest.mark.parametrize(("status", "said"), [
    ("exit status 1", "The process w of X ended as it started, exit status 1: the end"),
    ("exit status 0", "The process w of X ended as it started, exit status 0: the end. "
     "It must stay in the foreground, and not end; a command that ends is one for [timers]"),
])  # fmt: skip
def test_a_process_that_printed_much_and_ended(managed: Managed, status: str, said: str) -> None:
    """/run is memory: it gets only the end of the output."""
    managed.server.path(f"/var/log/hello/{NEW}.w@1.log").write_text("before\n" + "x" * 99 * 9999 + "\nthe end\n")
    managed.server.path(f"/run/undo/from.{NEW}.w@1").write_text("7\n")
    fake = f"{FAKE}unit_status() {{ echo '{status}'; }}\nunit_ran() {{ :; }}\nreason_find() {{ reason_error= reason_remedy=; }}\n"
    fake += "hide_secrets() { cat; }\nclock_uptime() { echo 0; }\nchangeover_began=0\n"
    assert managed.run(f'{fake}changeover_ended "of X" {NEW}.w@1; printf "%s" "$changeover_problem"') == said
    assert managed.server.path("/run/undo/ended").stat().st_size == 262144


@pytest.mark.parametrize(("output", "shown"), [
    (None, ""), ("", ""), ("\n \n\t\n", ""), ("\nthe end\n", "The last lines of /var/log/hello/w.log:\n\nthe end\n"),
    # It is no text.
    ("\udcff\n", "The last lines of /var/log/hello/w.log:\n\udcff\n"),
])  # fmt: skip
@pytest.mark.parametrize("web", [False, True])
def test_an_output_without_text_has_no_heading(managed: Managed, web: bool, output: str | None, shown: str) -> None:
    if output is not None:
        for path in ("/run/undo/ended", "/var/log/hello/w.log"):
            managed.server.path(path).write_bytes(output.encode(errors="surrogateescape"))
    fake = f"{FAKE}hide_secrets() {{ cat; }}\n"
    shell = "new=w log_from=0 changeover_unit=\nswitch_show" if web else "changeover_unit=w\nswitch_show"
    assert managed.run(f"{fake}{shell} | od -A n -t x1 -v | tr -d ' \\n'") == shown.encode(errors="surrogateescape").hex()


@pytest.mark.parametrize("slow", [True, False])
def test_the_time_to_settle_begins_when_the_program_has_replaced_its_start_script(managed: Managed, slow: bool) -> None:
    """On a busy server the script alone may take longer than app.settle, and the program fails only then."""
    process(managed, NEW, "w")
    script = f"/srv/hello/instances/{NEW}/processes/w/start" if slow else "/srv/other"
    shell = (
        f"sh -c 'while [ ! -e /run/go ]; do command sleep 0.05; done; exec sleep 60' {script} 1 >/dev/null & started=$!\n"
        f'echo "{NEW}.w@1 boot $started up" >/run/units\nchangeover_units={NEW}.w@1 changeover_began=0 settle=1 settle_ms=1000\n'
        # Each question takes a second.
        "now=0\nclock_uptime() { echo \"$now\"; }\n"
        "sleep() { now=$((now + 1000)); [ $now -lt 3000 ] || : >/run/go; command sleep 0.2; }\n"
        'changeover_settle "of X"\nkill $started\n[ $now -ge 3000 ] && echo waited || echo at once'
    )
    assert managed.run(f"{FAKE}{shell}") == ("waited\n" if slow else "at once\n")
