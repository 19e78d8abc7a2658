"""The undo of a guarded change, through power failures."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from typing import Any

from selvedge.resources.access.undo import UNDO, NoPendingUndo
from tests.support.libraries import functions

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
        """Arm a guard while sshd runs, and change every guarded file."""
        for name in ("ssh", "ufw", "sudoers.d"):
            shutil.rmtree(server.path(f"/etc/{name}"), ignore_errors=True)
        for name in self.FILES:
            server.path(f"/etc/{name}").parent.mkdir(parents=True, exist_ok=True)
            server.path(f"/etc/{name}").write_text(f"old {name}")
        server.program("systemctl", SYSTEMCTL)
        server.program("ufw", "exit 0")
        server.program("logger", "exit 0")
        done = server.run(
            f"mark=m\n{functions('probe', 'file', 'guard')}\nmkdir -p /run/active; : >/run/active/ssh.service\n"
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

    def test_the_undo_completes_after_a_power_failure_at_any_point(self, server: Any) -> None:
        """The power fails before each command of the undo. sshd does not start after it, since its files are missing."""
        self.armed(server)
        for name in ("mv", "rm", "tar", "mkdir", "sync"):
            server.program(name, POWER.format(name=name))
        kept = server.root.with_name("kept")
        subprocess.run(["cp", "-a", server.root, kept], check=True)
        for point in itertools.count(1):
            for name in ("etc", "run", "var/lib"):
                # The folders themselves stay, since the server's namespace has them mounted.
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

    def test_a_failed_undo_is_repeated(self, server: Any) -> None:
        self.armed(server)
        server.program("tar", "exit 1")
        assert server.run("sh /var/lib/selvedge/guard/undo").returncode == 1
        server.program("tar", 'exec /bin/tar "$@"')
        server.run(self.RUN)
        self.assert_undone(server)

    def test_a_run_completes_a_half_done_undo_and_reports_it(self, server: Any) -> None:
        self.armed(server)
        server.path("/var/lib/selvedge/guard/armed").rename(server.path("/var/lib/selvedge/guard/fired"))
        assert server.read(NoPendingUndo()) == ["fired\n"]
        done = server.run(f"mark=m\n{functions('probe', 'file', 'guard')}\n( set -eu\n{UNDO.arm}\n)")
        assert done.returncode == 1 and b"Run the same command again." in done.stdout, done
        self.assert_undone(server)

    def test_proved_changes_stay(self, server: Any) -> None:
        self.armed(server)
        server.run(f"{functions('guard')}\nguard_disarm")
        assert server.path("/etc/ssh/sshd_config").read_text() == "new"
        assert not server.path("/var/lib/selvedge/guard").exists()

    def test_a_power_failure_during_the_removal_of_the_undo(self, server: Any) -> None:
        self.armed(server)
        server.path("/var/lib/selvedge/guard/armed").rename(server.path("/var/lib/selvedge/guard/settled"))
        server.run(self.RUN)
        assert server.path("/etc/ssh/sshd_config").read_text() == "new"
        assert not server.path("/var/lib/selvedge/guard").exists()
        assert not server.path("/etc/systemd/system/selvedge-undo.timer").exists()
