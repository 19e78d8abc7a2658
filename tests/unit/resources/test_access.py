"""Users who log in: keys, groups, sudo, passwords."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.errors import UsageError
from selvedge.project.render import template
from selvedge.resources.access.logins import AuthorizedKeys, LoginAllowed, LoginUser, login_keys
from selvedge.resources.access.sudo import Password, Sudoers
from selvedge.resources.access.undo import UNDO
from selvedge.resources.base import Resource
from tasks.harden import harden
from tests.support.keys import KEY, ME, OTHER, pair
from tests.support.tables import check, table

# --- the keys that are installed ---


def test_the_keys_of_the_settings_come_first(target: Callable[..., Target], tmp_path: Path) -> None:
    (tmp_path / "team.pub").write_text(f"# the team\n{KEY}\n\n{OTHER}\n{KEY}\n")
    assert [key.line for key in login_keys(target(server={"authorized_keys": ["team.pub"]}))] == [KEY, OTHER]


def test_the_public_half_of_the_hosts_key_comes_second(target: Callable[..., Target], tmp_path: Path) -> None:
    private = pair(tmp_path, "-N", "")
    (key,) = login_keys(target(host={"address": "203.0.113.10", "key": str(private)}))
    assert key.line == private.with_name("id.pub").read_text().strip()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without keys; no agent runs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def test_the_keys_of_the_home_folder_come_last(target: Callable[..., Target], home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh/id_ed25519").write_text("private")
    (home / ".ssh/id_ed25519.pub").write_text(KEY)
    assert [key.line for key in login_keys(target())] == [KEY]


@pytest.mark.usefixtures("home")
def test_without_a_key_the_step_refuses(target: Callable[..., Target]) -> None:
    with pytest.raises(UsageError, match="no public key to install for deploy") as caught:
        list(harden.resources(target()))
    assert caught.value.status == 2


# --- keys, groups, sudo, passwords ---

KEYS = AuthorizedKeys("deploy", (ME,))
LET_ME_IN = (f"let {ME.title} log in as deploy", f"sshd_authorize deploy <<'EOF'\n{KEY}\nEOF")
MADE_SAFE = ("correct the mode of deploy's authorized_keys", "sshd_authorize deploy </dev/null")


@table(
    (KEYS, f"700 deploy\n600 deploy\n{KEY}\n", None),
    (KEYS, f"755 deploy\n644 deploy\n{OTHER}\n{KEY.replace('me@laptop', '')}\n", None),
    (KEYS, f'700 deploy\n600 deploy\nfrom="10.0.0.0/8" {KEY}\n', None),
    (KEYS, "absent\nabsent\n", *LET_ME_IN),
    (KEYS, f"700 deploy\n600 deploy\n# {KEY}\n", *LET_ME_IN),
    (KEYS, f"700 deploy\n600 deploy\n{OTHER}\n", *LET_ME_IN),
    (KEYS, f"777 deploy\n600 deploy\n{KEY}\n", *MADE_SAFE),
    (KEYS, f"700 root\n600 deploy\n{KEY}\n", *MADE_SAFE),
    (KEYS, f"700 deploy\n664 deploy\n{KEY}\n", *MADE_SAFE),
)
def test_authorized_keys(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """sshd ignores a file that other users may write."""
    check(resource, fact, summary, shell)


@table(
    (LoginUser("ubuntu"), "ubuntu adm sudo\n", None),
    (LoginUser("ubuntu"), "ubuntu adm\n", "add ubuntu to the group sudo", "usermod --append --groups sudo -- ubuntu"),
    (LoginUser("ubuntu"), "ubuntu adm sudo\nhas a group\n", None),
    (LoginUser("deploy"), "has a group\n", "create the user deploy in the group sudo",
     "useradd --create-home --key HOME_MODE=0700 --gid deploy --groups sudo --shell /bin/bash -- deploy"),
    (LoginUser("deploy"), "\n", "create the user deploy in the group sudo",
     "useradd --create-home --key HOME_MODE=0700 --user-group --groups sudo --shell /bin/bash -- deploy"),
)  # fmt: skip
def test_login_user(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


NOPASSWD = Sudoers("deploy", "nopasswd", "deploy ALL=(ALL:ALL) NOPASSWD: ALL\n")
PASSWORD = Sudoers("deploy", "password", "deploy ALL=(ALL:ALL) ALL\n")
RULES = "/etc/sudoers.d/90-selvedge-deploy"
WRITE = f"""file_put {RULES} 0440 root root <<'EOF'
deploy ALL=(ALL:ALL) {{0}}ALL
visudo -cqf {RULES}"""


@table(
    (NOPASSWD, f"\n--- file\nfile 440 root root\n{NOPASSWD.file._hash()}\n", None),
    (NOPASSWD, "\n--- file\nabsent", f"create {RULES}", WRITE.format("NOPASSWD: ")),
    (NOPASSWD, "\n--- file\nfile 440 root root\nx\nedited\n", f"write {RULES}", WRITE.format("NOPASSWD: ")),
    (PASSWORD, f"\n--- rules\n\n--- file\nfile 440 root root\n{PASSWORD.file._hash()}\n", None),
    (PASSWORD, "\n--- rules\n\n--- file\nabsent", f"create {RULES}", WRITE.format("")),
    (PASSWORD, "\n--- rules\n%sudo ALL=(ALL:ALL) ALL\n\n--- file\nabsent", f"create {RULES}",
     f"guard_touches sudo\n{WRITE.format('')}"),
)  # fmt: skip
def test_sudo_rules(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@pytest.mark.parametrize(("mode", "rule"), [("nopasswd", "NOPASSWD: ALL"), ("password", "ALL")])
def test_visudo_checks_the_rules(target: Callable[..., Target], mode: str, rule: str) -> None:
    file = Sudoers("deploy", mode, template("harden/sudoers.j2", app=target(server={"sudo": mode}))).file
    assert file.text.splitlines()[2:] == [f"deploy ALL=(ALL:ALL) {rule}"]
    assert file.mode == "0440" and file.validate == "visudo -cqf"


@pytest.mark.parametrize(
    ("mode", "rules", "guarded"),
    [("password", "%sudo ALL=(ALL:ALL) ALL\n", True), ("password", "", False), ("nopasswd", "", False)],
)
def test_a_new_demand_for_a_password_is_guarded(mode: str, rules: str, guarded: bool) -> None:
    """On a new server the rule comes before the guard, since the first proof of a login needs it."""
    change = Sudoers("deploy", mode, "deploy ALL=(ALL:ALL) ALL\n").plan(f"\n--- rules\n{rules}\n--- file\nabsent")
    assert change is not None and (change.guard is UNDO) == guarded
    assert change.shell.startswith("guard_touches sudo\n") == guarded


ADMITTED = LoginAllowed("deploy")
GROUPS = "groups sudo deploy\n"
SEE_IN = "check that sshd lets deploy log in"


def left_out(line: str) -> str:
    """Return the beginning of the refusal for a line of sshd's configuration."""
    return f"step_fail 'sshd would reject logins of deploy, because of its line `{line}`. …"


@table(
    (ADMITTED, GROUPS, None),
    (ADMITTED, f"allowusers root\nallowusers deploy@10.0.0.0/8\n{GROUPS}", None),
    (ADMITTED, f"allowusers dep*\n{GROUPS}", None),
    (ADMITTED, f"allowusers root\nallowusers deployer\n{GROUPS}", SEE_IN, left_out("AllowUsers root deployer")),
    (ADMITTED, f"denyusers deploy\n{GROUPS}", SEE_IN, left_out("DenyUsers deploy")),
    (ADMITTED, f"denyusers deploy@10.0.0.1\n{GROUPS}", None),
    (ADMITTED, f"allowgroups ssh-users\n{GROUPS}", SEE_IN, left_out("AllowGroups ssh-users")),
    (ADMITTED, f"allowgroups adm sudo\n{GROUPS}", None),
    (ADMITTED, f"denygroups deploy\n{GROUPS}", SEE_IN, left_out("DenyGroups deploy")),
)
def test_users_that_sshd_lets_in(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


ASK = ("check that deploy has a password", 'step_fail \'server.sudo is "password", but deploy has no password. …')


@table(
    (Password("deploy"), "deploy P 2024-01-01 0", None),
    (Password("deploy"), "elsewhere\n", None),
    (Password("deploy"), "deploy L 2024", *ASK),
    (Password("deploy"), "", *ASK),
)
def test_password(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """Selvedge never sets one."""
    check(resource, fact, summary, shell)
    change = resource.plan(fact)
    assert change is None or "passwd deploy" in change.remedy
