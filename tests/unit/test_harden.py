"""The step `harden`: whose keys are installed, what sshd and the firewall are read as, and in which order things change."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from selvedge.operations.scorecard import EVIDENCE, _declared, _kernel, _ssh
from selvedge.plan import plan
from selvedge.publickeys import PublicKey, parse

from selvedge import publickeys
from selvedge.errors import UsageError
from selvedge.resources.access import Admitted, AuthorizedKeys, LoginUser, Password, Sudoers, login_keys
from selvedge.resources.files import File
from selvedge.resources.firewall import BEFORE_INIT, Firewall, Rule
from selvedge.resources.kernel import Sysctl, TimeSync
from selvedge.resources.sshd import (
    UNDO,
    HostKey,
    IncludeFirst,
    Moduli,
    Proved,
    Sshd,
    differences,
    known_only,
    sections,
    wanted_lines,
)
from selvedge.shell import library
from selvedge.templates import template
from tasks.harden import harden
from tasks.measures import measures
from tasks.update import update

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7Zc0Dq0yTt3Hw1oVZ8Yl0JbI7s6Cq0yq8m5d5dXoKk you@desk"
ME = parse(KEY)


def pair(folder: Path, *options: str) -> Path:
    """A private key made by ssh-keygen; its path."""
    path = folder / "id"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-C", "made here", "-f", str(path), *options]
    subprocess.run(command, check=True, capture_output=True)
    return path


class TestPublicKeys:
    def test_a_line_is_read_with_its_comment(self) -> None:
        assert (ME.kind, ME.comment, ME.line) == ("ssh-ed25519", "me@laptop", KEY)

    def test_the_fingerprint_is_that_of_ssh_keygen(self, tmp_path: Path) -> None:
        (tmp_path / "key.pub").write_text(KEY)
        shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
        assert ME.fingerprint == shown.stdout.split()[1]

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("ssh-dss AAAAB3NzaC1kc3MAAACBA me", "no kind of public key"),
            ("ssh-ed25519 not*base64 me", "not base64"),
            (KEY.replace("AAAAC3NzaC1lZDI1NTE5", "AAAAB3NzaC1yc2EAAAAD"), "cut off, or is no ssh-ed25519"),
            ("ssh-ed25519", "cut off"),
            ('command="/bin/sh" ' + KEY, "no kind of public key"),
            ("", "no kind of public key"),
        ],
    )
    def test_what_is_no_key_is_refused(self, line: str, problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            parse(line)

    def test_a_comment_cannot_begin_another_line(self) -> None:
        assert "\n" not in parse(KEY + "\x0bssh-rsa AAAA\x85evil").line

    def test_a_private_key_is_refused_with_what_to_name_instead(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"is a private key.*id\.pub"):
            publickeys.of_file(pair(tmp_path, "-N", ""), "server.authorized_keys")

    @pytest.mark.parametrize("passphrase", ["", "secret words"])
    def test_the_public_half_comes_from_the_private_file_alone(self, tmp_path: Path, passphrase: str) -> None:
        private = pair(tmp_path, "-N", passphrase)
        beside = private.with_name("id.pub")
        text = beside.read_text().split()[1]
        beside.unlink()
        assert publickeys.of_private(private, "hosts.server.key").blob == text

    def test_an_old_private_file_asks_for_the_public_one(self, tmp_path: Path) -> None:
        private = tmp_path / "id"
        command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-m", "PEM", "-N", "", "-f", str(private)]
        subprocess.run(command, check=True)
        (tmp_path / "id.pub").unlink()
        with pytest.raises(UsageError, match="ssh-keygen -y -f"):
            publickeys.of_private(private, "hosts.server.key")


class TestWhoseKeys:
    def test_those_that_are_named(self, target: Any, tmp_path: Path) -> None:
        (tmp_path / "team.pub").write_text(f"# the team\n{KEY}\n\n{OTHER}\n{KEY}\n")
        assert [key.line for key in login_keys(target(server={"authorized_keys": ["team.pub"]}))] == [KEY, OTHER]

    def test_else_the_public_half_of_the_host_s_own(self, target: Any, tmp_path: Path) -> None:
        private = pair(tmp_path, "-N", "")
        (key,) = login_keys(target(host={"address": "203.0.113.10", "key": str(private)}))
        assert key.line == private.with_name("id.pub").read_text().strip()

    def test_without_any_nothing_begins(self, target: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        with pytest.raises(UsageError, match="no public key to install for deploy") as caught:
            list(harden.resources(target()))
        assert caught.value.status == 2

    def test_else_those_of_the_home_folder(self, target: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh/id_ed25519").write_text("private")
        (tmp_path / ".ssh/id_ed25519.pub").write_text(KEY)
        assert [key.line for key in login_keys(target())] == [KEY]


class TestAuthorizedKeys:
    RESOURCE = AuthorizedKeys("deploy", (ME,))

    @pytest.mark.parametrize(
        ("fact", "needed"),
        [
            ("absent\nabsent\n", True),
            (f"700 deploy\n600 deploy\n{KEY}\n", False),
            (f"755 deploy\n644 deploy\n{OTHER}\n{KEY.replace('me@laptop', '')}\n", False),
            (f'700 deploy\n600 deploy\nfrom="10.0.0.0/8" {KEY}\n', False),
            (f"700 deploy\n600 deploy\n# {KEY}\n", True),
            (f"700 deploy\n600 deploy\n{OTHER}\n", True),
            (f"777 deploy\n600 deploy\n{KEY}\n", True),
            (f"700 root\n600 deploy\n{KEY}\n", True),
            (f"700 deploy\n664 deploy\n{KEY}\n", True),
        ],
    )
    def test_plans_only_what_is_missing_or_unsafe(self, fact: str, needed: bool) -> None:
        assert (self.RESOURCE.plan(fact) is not None) == needed

    def test_adds_to_what_stands_there(self, server: Any) -> None:
        server.program("as", 'shift; exec "$@"')
        home = server.path("/srv/home")
        home.joinpath(".ssh").mkdir(parents=True)
        keys = home / ".ssh/authorized_keys"
        keys.write_text(f"{OTHER}")  # without a line's end
        script = (
            f'mark=m undo=/run\n{library("apply")}{library("harden")}\nas() {{ shift; "$@"; }}\n'
            f"getent() {{ echo x:x:0:0::/srv/home:/bin/sh; }}\nauthorize deploy <<'EOF'\n{KEY}\nEOF\n"
        )
        done = server.run(script)
        assert keys.read_text() == f"{OTHER}\n{KEY}\n", done.stdout
        assert [path.name for path in keys.parent.iterdir()] == ["authorized_keys"]


class TestUserAndSudo:
    def test_a_user_that_is_there_keeps_home_and_shell(self) -> None:
        assert LoginUser("ubuntu").plan("ubuntu adm sudo\n") is None
        added = LoginUser("ubuntu").plan("ubuntu adm\n")
        assert added and added.shell == "usermod --append --groups sudo -- ubuntu"
        made = LoginUser("deploy").plan("\n")
        assert made and "HOME_MODE=0700" in made.shell

    @pytest.mark.parametrize(("mode", "rule"), [("nopasswd", "NOPASSWD: ALL"), ("password", "ALL")])
    def test_sudoers_are_checked_by_visudo(self, mode: str, rule: str) -> None:
        file = Sudoers("deploy", mode).file
        assert file.text.splitlines()[1:] == [f"deploy ALL=(ALL:ALL) {rule}"]
        assert file.mode == "0440" and file.validate == "visudo -cqf"

    @pytest.mark.parametrize(
        ("mode", "rules", "guarded"),
        [("password", "%sudo ALL=(ALL:ALL) ALL\n", True), ("password", "", False), ("nopasswd", "", False)],
    )
    def test_a_password_where_none_was_asked_for_comes_under_the_guard(self, mode: str, rules: str, guarded: bool) -> None:
        """On a new server it comes before the guard: the login that is proved first needs it."""
        change = Sudoers("deploy", mode).plan(f"\n--- rules\n{rules}\n--- file\nabsent")
        assert change is not None and (change.guard is UNDO) == guarded
        assert change.shell.startswith("guard_touches sudo\n") == guarded

    @pytest.mark.parametrize("mode", ["nopasswd", "password"])
    def test_rules_that_hold_already_are_read(self, server: Any, mode: str) -> None:
        server.path("/etc/sudoers").write_text("# %sudo\n%sudo\tALL=(ALL:ALL) ALL\n%other ALL=ALL\n")
        server.path("/etc/sudoers.d").mkdir()
        server.path("/etc/sudoers.d/cloud").write_text("deploy ALL=(ALL) NOPASSWD:ALL\ndeployer ALL=ALL\n")
        (fact,) = server.read(Sudoers("deploy", mode))
        found = sections(fact).get("rules", "").splitlines()
        assert len([line for line in found if line]) == (2 if mode == "password" else 0), fact
        assert sections(fact)["file"].strip() == "absent"

    @pytest.mark.parametrize(
        ("said", "let_in"),
        [
            ("", True),
            ("allowusers root\nallowusers deploy@10.0.0.0/8", True),
            ("allowusers dep*", True),
            ("allowusers root\nallowusers deployer", False),
            ("denyusers deploy", False),
            ("denyusers deploy@10.0.0.1", True),
            ("allowgroups ssh-users", False),
            ("allowgroups adm sudo", True),
            ("denygroups deploy", False),
        ],
    )
    def test_who_is_left_out_by_sshd_is_told_so(self, said: str, let_in: bool) -> None:
        change = Admitted("deploy").plan(f"{said}\ngroups sudo deploy\n")
        assert (change is None) == let_in
        assert not change or (change.shell.startswith("fail ") and said.split()[1] in change.shell)

    @pytest.mark.parametrize(
        ("fact", "refused"),
        [("deploy P 2024-01-01 0", False), ("deploy L 2024", True), ("", True), ("elsewhere\n", False)],
    )
    def test_a_password_is_asked_for_and_never_set(self, fact: str, refused: bool) -> None:
        change = Password("deploy").plan(fact)
        assert (change is not None) == refused
        assert not change or (change.shell.startswith("fail ") and "passwd deploy" in change.shell)


def sshd_fact(text: str, loaded: str = "", values: str = "", kex: str = "", about: str = "file 600 root root") -> str:
    """What `sshd_fact` prints."""
    total = hashlib.sha256(text.encode()).hexdigest()
    file = f"{about}\n{total}\n{text}" if about.startswith("file") else about
    return f"\n--- loaded\n{loaded}\n\n--- knows\n{kex}\n\n--- values\n{values}\n\n--- file\n{file}"


class TestSshd:
    TEXT = "# why\nPermitRootLogin no\nKexAlgorithms new-kex,curve25519-sha256\nHostKey /a\nHostKey /b\n"
    KNOWN = TEXT.replace("new-kex,", "")
    VALUES = "port 22\npermitrootlogin no\nkexalgorithms curve25519-sha256\nhostkey /a\nhostkey /b"
    STAMP = hashlib.sha256(KNOWN.encode()).hexdigest()
    SSHD = Sshd(TEXT, "deploy")

    def test_nothing_to_do_where_it_stands_is_in_force_and_loaded(self) -> None:
        assert self.SSHD.plan(sshd_fact(self.KNOWN, self.STAMP, self.VALUES, "curve25519-sha256")) is None

    @pytest.mark.parametrize(
        "fact",
        [
            sshd_fact("", STAMP, VALUES, "curve25519-sha256", about="absent"),
            sshd_fact(KNOWN + "# edited\n", STAMP, VALUES, "curve25519-sha256"),
            sshd_fact(KNOWN, STAMP, VALUES, "curve25519-sha256", about="file 666 root root"),
            sshd_fact(KNOWN, "", VALUES, "curve25519-sha256"),
            sshd_fact(KNOWN, STAMP, VALUES.replace("login no", "login yes"), "curve25519-sha256"),
            sshd_fact(KNOWN, STAMP, VALUES, "curve25519-sha256 new-kex"),
            sshd_fact(KNOWN, STAMP, "", ""),
            "",
        ],
    )
    def test_anything_else_is_checked_changed_asserted_and_reloaded_under_the_guard(self, fact: str) -> None:
        change = self.SSHD.plan(fact)
        assert change is not None and change.guard is UNDO
        order = [change.shell.index(word) for word in ("sshd_sound", "sshd_assert", "sshd_reload")]
        assert order == sorted(order)

    def test_shows_which_value_is_not_in_force(self) -> None:
        change = self.SSHD.plan(sshd_fact(self.KNOWN, self.STAMP, "permitrootlogin yes", "curve25519-sha256"))
        assert change and "sshd -T does not show: permitrootlogin no" in change.diff

    def test_only_key_exchanges_are_left_out(self) -> None:
        assert known_only("KexAlgorithms a,b,c\nCiphers x\n", {"c", "a"}) == "KexAlgorithms a,c\nCiphers x\n"
        assert known_only("KexAlgorithms a,b\n", set()) == "KexAlgorithms a,b\n"

    def test_lines_are_as_sshd_prints_them(self) -> None:
        assert wanted_lines("# no\n\nMaxAuthTries 4\n  LogLevel VERBOSE\n") == ["maxauthtries 4", "loglevel VERBOSE"]
        assert differences("LogLevel VERBOSE\n", "loglevel VERBOSE\n") == []

    @pytest.mark.parametrize(
        ("line", "stays"),
        [
            ("Include /etc/ssh/sshd_config.d/*.conf", True),
            ("include  /etc/ssh/sshd_config.d/*.conf", True),
            ("Include /etc/ssh/sshd_config.d/00-selvedge.conf", True),
            ("Include /etc/ssh/other.conf", False),
            ("PasswordAuthentication yes", False),
            ("", False),
        ],
    )
    def test_the_include_comes_first(self, line: str, stays: bool) -> None:
        assert (IncludeFirst().plan(f"{line}\n") is None) == stays

    @pytest.mark.parametrize(
        ("fact", "kinds"),
        [
            ("4096 SHA256:a root@x (RSA)\n256 SHA256:b root@x (ED25519)\n", ""),
            ("3072 SHA256:a root@x (RSA)\n256 SHA256:b root@x (ED25519)\n", "rsa"),
            ("4096 SHA256:a root@x (RSA)\n", "ed25519"),
            ("", "rsa ed25519"),
        ],
    )
    def test_only_short_host_keys_are_made_anew(self, fact: str, kinds: str) -> None:
        change = HostKey().plan(fact)
        made = [line.split()[1] for line in change.shell.splitlines()] if change else []
        assert made == kinds.split()


class TestWhoseLogin:
    """`sshd -T` is asked about the login that we run in, and about everybody else's."""

    def ask(self, server: Any, shell: str, ssh_connection: str = "203.0.113.7 50000 198.51.100.2 2222") -> list[str]:
        """What the shell prints, as sudo would run it; sshd answers with the question."""
        server.program("sshd", """[ "$*" != "-T" ] || { printf 'listenaddress 0.0.0.0:%s\n' 22 2222; exit; }; echo "$3" """)
        server.program("systemctl", "exit 1")
        script = f"{library('probe')}{library('harden')}\n{shell}"
        login = f"env SSH_CONNECTION={ssh_connection!r} sh -c 'env -u SSH_CONNECTION sh -s; :' <<'END'\n{script}\nEND\n"
        return server.run(login).stdout.decode().splitlines()

    def test_sudo_does_not_hide_where_it_comes_from(self, server: Any) -> None:
        shown = self.ask(server, "sshd_read; echo $sshd_shown")
        assert shown == ["user=root,host=203.0.113.7,addr=203.0.113.7,laddr=198.51.100.2,lport=2222"]

    def test_without_a_login_it_is_nobody_s(self, server: Any) -> None:
        (shown,) = self.ask(server, "sshd_read; echo $sshd_shown", "")
        assert "addr=192.0.2.1," in shown and shown.endswith("lport=22")

    def test_a_scope_is_no_part_of_an_address(self, server: Any) -> None:
        (shown,) = self.ask(server, "sshd_read; echo $sshd_shown", "fe80::1%eth0 50000 fe80::2%eth0 22")
        assert "addr=fe80::1,laddr=fe80::2,lport=22" in shown

    def test_every_port_user_and_address_is_asked_for(self, server: Any) -> None:
        shown = self.ask(server, "sshd_read; sshd_shown=$(sshd -T); sshd_ways root deploy")
        places = itertools.product(("root", "deploy"), ("203.0.113.7", "192.0.2.1"), (22, 2222))
        ways = {f"{user} {place} {port}" for user, place, port in places}
        assert set(shown) == ways and len(shown) == len(ways)

    def test_who_is_named_is_read_where_anybody_is(self, server: Any) -> None:
        said = "port 22\\nallowusers admin\\nallowusers root\\n"
        shown = self.ask(server, f"sshd_shown=$(printf '{said}'); sshd_lists root; sshd_shown='port 22'; sshd_lists root")
        assert shown == ["allowusers admin", "allowusers root", "groups sudo root"]
        assert self.ask(server, "sshd_shown='denyusers x'; sshd_lists nobody-there")[-1] == "groups sudo nobody-there"


class TestTemplate:
    def test_forwarding_is_a_setting(self, target: Any) -> None:
        closed = template("harden/sshd.conf.j2", app=target())
        opened = template("harden/sshd.conf.j2", app=target(server={"allow_forwarding": True}))
        assert "DisableForwarding yes" in closed and "AllowTcpForwarding no" in closed
        assert "DisableForwarding no" in opened and "AllowTcpForwarding yes" in opened

    def test_no_value_is_said_twice(self, target: Any) -> None:
        """sshd takes the first; a second one would be a mistake that nobody sees."""
        names = [line.split()[0] for line in wanted_lines(template("harden/sshd.conf.j2", app=target()))]
        assert len(names) == len(set(names)) + 1  # two host keys

    def test_ignored_addresses_stand_in_the_jail(self, target: Any) -> None:
        text = template("harden/fail2ban.local.j2", app=target(server={"ignore_ips": ["198.51.100.7", "2001:db8::/32"]}))
        assert "ignoreip = 127.0.0.1/8 ::1 198.51.100.7 2001:db8::/32\n" in text

    def test_the_journal_is_read_for_the_jail_of_sshd_only(self, target: Any) -> None:
        """Other people's jails that read files would find nothing with it."""
        default, jail = template("harden/fail2ban.local.j2", app=target()).split("[sshd]")
        assert "\nbackend = systemd\n" in jail and "backend" not in default


def rule(action: str, ports: str, *, source: str = "0.0.0.0/0", comment: str = "", protocol: str = "tcp") -> str:
    end = f" comment={comment.encode().hex()}" if comment else ""
    return f"### tuple ### {action} {protocol} {ports} 0.0.0.0/0 any {source} in{end}"


def firewall_fact(rules: str, state: str = "on\ndeny\nipv6\nlive", ssh: str = "22", rules6: str | None = None) -> str:
    six = rules.replace("0.0.0.0/0", "::/0") if rules6 is None else rules6
    return f"\n--- ssh\n{ssh}\n\n--- state\n{state}\n\n--- rules\n{rules}\n\n--- rules6\n{six}\n\n--- limit\nabsent"


class TestFirewall:
    WALL = Firewall((80, 443))
    OPEN = "\n".join(rule("allow", port, comment="selvedge") for port in ("22", "80", "443"))

    @pytest.mark.parametrize(
        "rules",
        [
            OPEN,
            "\n".join([rule("limit", "22"), rule("allow", "80,443", protocol="any")]),
            rule("allow", "20:500"),
            OPEN + "\n" + rule("allow", "5432"),
            OPEN + "\n" + rule("deny", "25"),
            rule("allow", "any", protocol="any"),
        ],
    )
    def test_whatever_opens_the_ports_is_enough(self, rules: str) -> None:
        assert self.WALL.plan(firewall_fact(rules)) is None

    @pytest.mark.parametrize(
        ("fact", "what"),
        [
            (firewall_fact(""), ["firewall_open 22 80 443"]),
            (firewall_fact(OPEN.replace("22", "222")), ["firewall_open 22", "firewall_close 222"]),
            (firewall_fact(OPEN, ssh="22\n2222"), ["firewall_open 2222"]),
            (firewall_fact(OPEN, rules6=""), ["firewall_open 22 80 443"]),
            (firewall_fact(OPEN.replace("tcp 22 0", "udp 22 0")), ["firewall_open 22"]),
            (firewall_fact(OPEN.replace("allow tcp 22", "deny tcp 22")), ["firewall_open 22"]),
            (firewall_fact(OPEN.replace("in comment", "in_eth1 comment")), ["firewall_open 22 80 443"]),
            (firewall_fact(rule("allow", "22", source="10.0.0.0/8")), ["firewall_open 22 80 443"]),
            (firewall_fact(OPEN + "\n" + rule("allow", "8443", comment="selvedge")), ["firewall_close 8443"]),
            (firewall_fact(OPEN, state=""), ["firewall_on"]),
            (firewall_fact(OPEN, state="on\nipv6\nlive"), ["firewall_on"]),
            (firewall_fact(OPEN, state="on\ndeny\nlive"), ["firewall_on"]),
            (firewall_fact(OPEN, state="on\ndeny\nipv6"), ["firewall_on"]),
        ],
    )
    def test_what_differs_is_changed_under_the_guard(self, fact: str, what: list[str]) -> None:
        change = self.WALL.plan(fact)
        assert change is not None and change.guard is UNDO
        assert change.shell.splitlines() == what

    def test_opens_before_it_turns_on(self) -> None:
        change = self.WALL.plan(firewall_fact("", state=""))
        assert change is not None
        assert change.shell.splitlines() == ["firewall_open 22 80 443", "firewall_on"]

    @pytest.mark.parametrize("fact", [firewall_fact("", ssh=""), ""])
    def test_without_knowing_the_port_of_ssh_nothing_is_turned_on(self, fact: str) -> None:
        change = self.WALL.plan(fact)
        assert change is not None and change.shell.startswith("fail ")

    def test_the_limit_is_for_the_port_of_ssh(self, target: Any) -> None:
        wall = Firewall((80,), limit=template("harden/before.init.j2", app=target()))
        change = wall.plan(firewall_fact(self.OPEN, ssh="22\n2222"))
        assert change and "tcp dport { 22, 2222 } ct state new" in change.shell and "@PORTS@" not in change.shell
        assert f"put {BEFORE_INIT} 0750 root root" in change.shell

    def test_ipv6_is_on_before_the_first_rule(self) -> None:
        """ufw writes no rule for IPv6 while it is off."""
        script = (
            f"{library('firewall')}\nguard_touches() {{ :; }}\ngrep() {{ return 1; }}\n"
            'ufw() { echo "ufw $1"; }\nsed() { echo "$2"; }\nfirewall_open 22'
        )
        done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == ["ufw --force", "s/^IPV6=.*/IPV6=yes/", "ufw allow"]

    def test_other_lines_are_no_rules(self) -> None:
        assert Rule.parse("### RULES ###") is None
        assert Rule.parse("-A ufw-user-input -p tcp --dport 22 -j ACCEPT") is None
        assert Rule.parse("") is None


SYSTEMCTL = """
case $* in
'is-active -q '*) [ -e "/run/active/$3" ] ;;
start*) mkdir -p /run/active; : >"/run/active/$2"; echo "$*" >>/run/calls ;;
enable*) mkdir -p /etc/systemd/system/timers.target.wants; : >/etc/systemd/system/timers.target.wants/selvedge-undo.timer ;;
esac"""
POWER = """if [ -e /run/commands ]; then
  left=$(($(cat /run/commands) - 1))
  echo $left >/run/commands
  if [ $left -eq 0 ]; then kill -9 $PPID; exit; fi
fi
[ {name} = sync ] || exec /bin/{name} "$@" """


class TestUndo:
    FILES = ("ssh/sshd_config", "ssh/sshd_config.d/50-cloud-init.conf", "ufw/ufw.conf", "default/ufw", "sudoers.d/90-selvedge")
    RUN = "[ ! -e /var/lib/selvedge/guard/undo ] || sh /var/lib/selvedge/guard/undo; :"

    def armed(self, server: Any) -> None:
        """sshd runs, a guard is armed, and everything has been changed; there were no files at first."""
        for name in ("ssh", "ufw", "sudoers.d"):
            shutil.rmtree(server.path(f"/etc/{name}"), ignore_errors=True)
        for name in self.FILES:
            server.path(f"/etc/{name}").parent.mkdir(parents=True, exist_ok=True)
            server.path(f"/etc/{name}").write_text(f"old {name}")
        server.program("systemctl", SYSTEMCTL)
        server.program("ufw", "exit 0")
        server.program("logger", "exit 0")
        done = server.run(
            f"mark=m\n{library('probe')}{library('apply')}{library('guard')}\nmkdir -p /run/active; : >/run/active/ssh.service\n"
            f"( set -eu\n{UNDO.arm}\nguard_touches sshd; guard_touches firewall ) && echo armed"
        )
        assert done.stdout.decode().endswith("armed\n"), done
        for name in self.FILES:
            server.path(f"/etc/{name}").write_text("new")
        server.path("/etc/ssh/sshd_config.d/00-selvedge.conf").write_text("new")

    def assert_undone(self, server: Any, point: int = 0) -> None:
        found = {str(path.relative_to(server.path("/etc"))): path.read_text() for name in ("ssh", "ufw", "sudoers.d", "default/ufw")
                 for path in [server.path(f"/etc/{name}"), *server.path(f"/etc/{name}").rglob("*")] if path.is_file()}  # fmt: skip
        assert found == {name: f"old {name}" for name in self.FILES}, point
        assert not server.path("/var/lib/selvedge/guard").exists(), point
        assert not [path for path in server.path("/etc/systemd/system").rglob("*") if path.is_file()], point
        assert not list(server.path("/etc").glob(".selvedge*")), point

    def test_wherever_the_power_fails_the_next_run_ends_where_one_would_have(self, server: Any) -> None:
        """Before each command of the undo, that is; afterwards sshd did not come up, since its files were away."""
        self.armed(server)
        for name in ("mv", "rm", "tar", "mkdir", "sync"):
            server.program(name, POWER.format(name=name))
        kept = server.root.with_name("kept")
        subprocess.run(["cp", "-a", server.root, kept], check=True)
        for point in itertools.count(1):
            for name in ("etc", "run", "var/lib"):
                # The folders themselves stay: the server's namespace has them.
                again = 'find "$1" -mindepth 1 -delete && cp -a "$2/." "$1"'
                subprocess.run(["sh", "-c", again, "sh", server.root / name, kept / name], check=True)
            server.path("/run/commands").write_text(str(point))
            server.run(self.RUN)
            failed = server.path("/run/commands").read_text().strip() == "0"
            server.path("/run/commands").unlink()
            shutil.rmtree(server.path("/run/active"))
            pending = server.path("/var/lib/selvedge/guard/fired").exists() or server.path("/var/lib/selvedge/guard/armed").exists()
            server.run(self.RUN)
            self.assert_undone(server, point)
            assert not pending or server.path("/run/active/ssh.service").exists(), point
            if not failed:
                break
        assert point > 15

    def test_what_cannot_be_put_back_is_tried_again(self, server: Any) -> None:
        self.armed(server)
        server.program("tar", "exit 1")
        assert server.run("sh /var/lib/selvedge/guard/undo").returncode == 1
        server.program("tar", 'exec /bin/tar "$@"')
        server.run(self.RUN)
        self.assert_undone(server)

    def test_a_run_that_meets_a_half_done_undo_ends_it_and_says_so(self, server: Any) -> None:
        self.armed(server)
        server.path("/var/lib/selvedge/guard/armed").rename(server.path("/var/lib/selvedge/guard/fired"))
        assert server.read(Proved()) == ["fired\n"]
        done = server.run(f"mark=m\n{library('probe')}{library('apply')}{library('guard')}\n( set -eu\n{UNDO.arm}\n)")
        assert done.returncode == 1 and b"run this again" in done.stdout, done
        self.assert_undone(server)

    def test_what_is_proved_stays(self, server: Any) -> None:
        self.armed(server)
        server.run(f"{library('guard')}\nguard_disarm")
        assert server.path("/etc/ssh/sshd_config").read_text() == "new"
        assert not server.path("/var/lib/selvedge/guard").exists()

    def test_the_power_fails_while_the_undo_is_removed(self, server: Any) -> None:
        self.armed(server)
        server.path("/var/lib/selvedge/guard/armed").rename(server.path("/var/lib/selvedge/guard/settled"))
        server.run(self.RUN)
        assert server.path("/etc/ssh/sshd_config").read_text() == "new"
        assert not server.path("/var/lib/selvedge/guard").exists()
        assert not server.path("/etc/systemd/system/selvedge-undo.timer").exists()


class TestKernel:
    FILE = Sysctl("/etc/sysctl.d/90-test.conf", "# a comment = none\nnet.a.b = 1\nkernel.c=2\n")

    def fact(self, live: str, refused: str = "", file: str | None = None) -> str:
        text = self.FILE.text if file is None else file
        about = f"file 644 root root\n{hashlib.sha256(text.encode()).hexdigest()}\n{text}"
        return f"\n--- file\n{about}\n--- live\n{live}\n--- refused\n{refused}"

    @pytest.mark.parametrize(
        ("live", "refused", "needed"),
        [
            ("net/a/b:1\nkernel/c:2", "", False),
            ("net/a/b:1", "", False),
            ("", "", False),
            ("net/a/b:0\nkernel/c:2", "", True),
            ("net/a/b:0\nkernel/c:2", "net.a.b=1\n", False),
        ],
    )
    def test_what_can_be_set_and_differs_is_set(self, live: str, refused: str, needed: bool) -> None:
        change = self.FILE.plan(self.fact(live, refused))
        assert (change is not None) == needed
        assert not change or change.shell.endswith("sysctl_set net.a.b=1 kernel.c=2")

    def test_a_file_that_was_edited_is_written(self) -> None:
        change = self.FILE.plan(self.fact("net/a/b:1\nkernel/c:2", file="net.a.b = 0\n"))
        assert change and "-net.a.b = 0" in change.diff

    def test_every_line_of_the_template_is_a_setting(self, target: Any) -> None:
        file = Sysctl("/x", template("harden/sysctl.conf.j2", app=target()))
        lines = [line for line in file.text.splitlines() if line and not line.startswith("#")]
        assert len(lines) == len(file._values()) > 20
        assert all(value.isdigit() for value in file._values().values())

    def test_any_time_service_is_enough(self) -> None:
        assert TimeSync().plan("chrony\n") is None
        assert TimeSync().plan("") is not None


class TestOrder:
    def facts(self, resources: list[Any]) -> list[str]:
        """A bare server on which the ssh port is known."""
        return [firewall_fact("", state="") if isinstance(resource, Firewall) else "" for resource in resources]

    def test_the_way_in_comes_before_what_could_shut_it(self, target: Any, tmp_path: Path) -> None:
        (tmp_path / "me.pub").write_text(KEY)
        resources = list(harden.resources(target(server={"authorized_keys": ["me.pub"]})))
        planned = plan(resources, self.facts(resources))
        first, guarded, last = planned.sections()
        assert first.guard is None and guarded.guard is UNDO and last.guard is None
        kinds = [[type(resource) for resource, _ in part.changes] for part in (first, guarded)]
        assert LoginUser in kinds[0] and AuthorizedKeys in kinds[0] and not {Sshd, Firewall} & set(kinds[0])
        assert kinds[1] == [Moduli, HostKey, IncludeFirst, Sshd, Firewall]

    def test_an_undo_that_a_cut_off_run_left_is_proved(self) -> None:
        for fact in ("armed\n", "fired\n"):
            change = Proved().plan(fact)
            assert change is not None and change.guard is UNDO
        assert Proved().plan("\n") is None

    def test_what_is_turned_off_is_left_alone(self, target: Any, tmp_path: Path) -> None:
        (tmp_path / "me.pub").write_text(KEY)
        server = {"authorized_keys": ["me.pub"], "firewall": False, "fail2ban": False}
        kinds = [type(resource).__name__ for resource in harden.resources(target(server=server))]
        assert "Firewall" not in kinds and "Service" not in kinds


def test_sections_of_a_fact() -> None:
    assert sections("\n--- a\n1\n2\n\n--- b\n") == {"a": "1\n2\n", "b": ""}


def test_equal_keys_are_those_with_the_same_blob() -> None:
    assert PublicKey("ssh-ed25519", ME.blob, "another comment") == ME
    assert base64.b64decode(ME.blob)


@pytest.mark.parametrize(
    ("core", "modules", "levels"),
    [
        ("0\n", "", ["ok", "ok"]),
        ("unlimited\n", "", ["problem", "ok"]),
        ("", "sctp\ndccp\n", ["problem", "warning"]),
    ],
)
def test_score_of_crash_dumps_and_modules(target: Any, core: str, modules: str, levels: list[str]) -> None:
    found = list(_kernel(target(), {"core": core, "modules": modules}))
    assert [each.level for each in found] == levels
    assert not modules or "sctp, dccp" in found[1].text


def test_score_of_what_is_declared_has_a_line_for_each_measure(target: Any) -> None:
    app = target()
    resources = list(measures(app))
    facts = {"Sysctl": TestKernel().fact("kernel/kptr_restrict:2"), "TimeSync": "chrony\n"}
    found = {each.subject: each for each in _declared(app, [(each, facts.get(type(each).__name__, "")) for each in resources])}
    assert [each.level for each in found.values()].count("problem") == len(found) - 1  # nothing known of login.defs
    assert "dry-run" in found["kernel"].remedy and "/etc/sysctl.d" in found["kernel"].text
    assert {"kernel", "hashes", "idle logins", "banner", "the rest"} == set(found)
    done = {each.subject: each for each in _declared(app, [])}
    assert done["the rest"].level == "ok"


def test_every_line_of_the_score_is_about_something_that_is_declared(target: Any, tmp_path: Path) -> None:
    (tmp_path / "me.pub").write_text(KEY)
    app = target(server={"authorized_keys": ["me.pub"]})
    declared = [resource for step in (update, harden) for resource in step.resources(app)]
    assert set(EVIDENCE) <= {getattr(each, "path", "") for each in declared} | {type(each).__name__ for each in declared}


def test_score_of_an_sshd_that_says_two_things(target: Any) -> None:
    found = {each.subject: each for each in _ssh(target(), {"sshd": "permitrootlogin no\npermitrootlogin yes"}, "deploy")}
    assert found["root login"].level == "problem" and "permitrootlogin no or yes" in found["root login"].text


def test_lesser_measures_are_files_that_their_readers_take(target: Any) -> None:
    files = {each.path: each.text for each in measures(target()) if isinstance(each, File)}
    limits = [line.split() for line in files["/etc/security/limits.d/50-selvedge.conf"].splitlines() if line[:1] != "#"]
    assert limits == [["*", "-", "core", "0"], ["root", "-", "core", "0"]]
    lines = [line for line in files["/etc/modprobe.d/50-selvedge.conf"].splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"install [a-z0-9-]+ /bin/false", line) for line in lines) and len(lines) > 10
    # What a server may start from, or snap needs.
    assert not {"usb-storage", "squashfs", "overlay", "udf", "vfat"} & {line.split()[1] for line in lines}
    # Lynis, BANN-7126: five of its words; and nothing that names the system.
    issue = files["/etc/issue"].lower()
    assert sum(word in issue for word in ("private", "system", "access", "authori", "log", "record")) >= 5
    assert "debian" not in issue and "\\" not in issue
