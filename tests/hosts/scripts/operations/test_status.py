"""`fab status`: the script with fake programs, and its report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.operations.status import status
from selvedge.operations.support.host_status import HostStatus, status_query
from selvedge.operations.support.status_checks import check_status
from selvedge.resources.base import Ask
from tests.hosts.scripts.operations.fakes import RECORD, Fake, instance, live
from tests.support.releases import NEW, OLD


class TestStatus:
    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        """A healthy server."""
        found = fake("one", health="/up?a=b", domains=["hello.example.com"])
        server = found.servers["one"]
        instance(server, OLD, "good", record=RECORD.format(commit="a" * 40, subject="x", at="2026-01-02T03:04:05Z"))
        live(server, OLD)
        # Processes of the app's user, here root: `ps` below says more about them.
        server.program("id", "echo 0")
        users = f'(\\"python\\",pid={os.getpid()},fd=3)'
        server.program("ss", f'echo "u_str LISTEN 0 2048 /run/hello/{OLD}.sock 1 * 0 users:({users})"')
        server.program("ps", "printf '20 5 30000 7500\\n21 20 80000 7400\\n22 20 81000 60\\n'")
        server.program("curl", 'printf "%s\\n" "$*" >/var/log/asked; printf "200 0.012"')
        server.program("systemctl", "case $1 in is-active) echo active ;; *) echo success ;; esac")
        server.program("openssl", "echo notBefore=Jan  1 00:00:00 2026 GMT; echo notAfter=Apr  1 00:00:00 2026 GMT")
        server.path("/etc/letsencrypt/live/hello").mkdir(parents=True)
        server.path("/etc/letsencrypt/live/hello/fullchain.pem").write_text("x")
        server.program("date", 'case "$*" in +%s.%N) echo 1769904000.5 ;; *) exec /bin/date "$@" ;; esac')
        server.program("df", "echo Avail 1K-blocks IFree Inodes; echo 40000000 60000000 800000 900000")
        server.program("setpriv", "exit 0")
        server.path("/etc/nginx/sites-enabled").mkdir(parents=True)
        server.path("/etc/nginx/sites-enabled/hello-tls").write_text("")
        return found

    def read(self, one: Fake) -> dict[str, Any]:
        """Return the JSON of a healthy status."""
        status(one.run, as_json=True)
        found: dict[str, Any] = json.loads(one.text)["one"]
        return found

    def sick(self, one: Fake) -> str:
        """Return the lines of an unhealthy status."""
        with pytest.raises(SelvedgeError, match="Problems: one: ") as caught:
            status(one.run)
        assert caught.value.status == 1
        return one.text

    def test_a_healthy_server_has_no_findings(self, one: Fake) -> None:
        before = one.servers["one"].tree("/srv")
        found = self.read(one)
        assert found["healthy"] is True
        assert found["findings"] == []
        assert (found["live"], found["since"], found["workers"]) == (OLD, "2026-01-02T03:04:05Z", 2)
        assert (found["memory_kb"], found["uptime_seconds"], found["restarts"]) == (191000, 7500, 0)
        assert found["health"] == {"status": 200, "seconds": 0.012}
        assert found["services"] == {"nginx": "active", "supervisor": "active"}
        assert found["certificate_days"] == 59.0
        assert found["disk"] == {"free_kb": 40000000, "size_kb": 60000000}
        assert found["upgrades"] == {"all": 0, "security": 0}
        assert one.run.fleet.sessions[0].remote.execs == 1
        assert one.servers["one"].tree("/srv") == before

    def test_a_previous_release_that_drains_is_listed(self, one: Fake) -> None:
        one.servers["one"].path("/run/selvedge").mkdir()
        one.servers["one"].path(f"/run/selvedge/hello.{NEW}.drain").touch()
        status(one.run)
        assert f"{NEW} answers its open requests for up to 10 s" in one.text

    def test_a_release_that_an_interrupted_run_left_is_a_warning(self, one: Fake) -> None:
        with one.servers["one"].path("/usr/local/sbin/ss").open("a") as ss:
            ss.write(f'echo "u_str LISTEN 0 2048 /run/hello/{NEW}.sock 1 * 0"\n')
        (found,) = self.read(one)["findings"]
        assert (found["level"], found["subject"]) == ("warning", "releases")
        assert found["text"].startswith(f"{NEW} also runs, and is not live: ")
        assert found["remedy"] == "If no deploy runs now, `fab -H one deploy` stops it."

    @pytest.mark.parametrize(
        ("fact", "level", "said"),
        [
            ("2 2 2 0 0", "ok", "worker: up 2/2, 0 restarts"),
            ("2 2 2 1 0", "ok", "worker: up 2/2, 0 restarts, 1 more finish their work"),
            ("2 2 2 0 1", "warning", "worker: up 2/2, 1 restart"),
            ("2 2 1 0 3", "problem", "worker: up 1/2, 3 restarts"),
            ("2 1 1 0 0", "problem", "worker: up 1/2, 0 restarts"),
            ("0 0 0 0 0", "", ""),
        ],
    )
    def test_the_processes_beside_the_web_process(self, one: Fake, fact: str, level: str, said: str) -> None:
        app = one.run.fleet.sessions[0].target
        found = HostStatus.parse(f"live {OLD}\nprocess 20 5 30000 7500\nprocess 21 20 80000 7400\nprocesses worker {fact}\n")
        shown = [(each.level, each.text) for each in check_status(app, found) if each.subject == "process"]
        assert shown == ([(level, said)] if said else [])

    def test_json_names_the_releases_that_drain(self, one: Fake) -> None:
        assert self.read(one)["draining"] == []

    def test_the_first_lines(self, one: Fake) -> None:
        status(one.run)
        first, second = one.text.splitlines()[:2]
        assert first.endswith(
            f"✓ {OLD}, live since 2026-01-02 03:04:05 UTC: 2 workers, 187 MB, up 2 h 5 min, 0 restarts"
        )
        assert second.endswith("✓ GET /up?a=b (Host: hello.example.com): 200 in 12 ms")

    def test_the_health_check_uses_the_socket_of_nginx(self, one: Fake) -> None:
        self.read(one)
        asked = one.servers["one"].path("/var/log/asked").read_text()
        assert "--unix-socket /srv/hello/live.sock -H Host: hello.example.com" in asked
        assert asked.endswith("-H X-Forwarded-Proto: https -- http://localhost/up?a=b\n")

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ("503 0.2", "GET /up?a=b (Host: hello.example.com): answered 503"),
            ("000 5.001", "no answer within 5 s"),
            ("000 0.0001", "no process accepts connections"),
        ],
    )
    def test_a_health_check_that_fails_is_a_problem(self, one: Fake, answer: str, said: str) -> None:
        one.servers["one"].program("curl", f'printf "{answer}"')
        text = self.sick(one)
        assert said in text
        assert "Accepted statuses: 200-399" in text

    @pytest.mark.parametrize(
        ("manager", "said"),
        [
            (f"hello.{OLD}  FATAL  Exited too quickly", f"no process listens on its socket (hello.{OLD} FATAL Exited too quickly)"),
            (f"hello.{OLD}: ERROR (no such process)", ": stopped"),
        ],
    )  # fmt: skip
    def test_a_stopped_app(self, one: Fake, manager: str, said: str) -> None:
        server = one.servers["one"]
        server.program("ss", "exit 0")
        server.program("supervisorctl", f"echo '{manager}'; exit 3")
        text = self.sick(one)
        assert said in text
        assert "fab -H one start" in text

    def test_the_site_of_a_stopped_app_is_no_other_site(self, one: Fake) -> None:
        """nginx answers 502 for it, which the line about the app explains."""
        server = one.servers["one"]
        server.path("/etc/nginx/sites-enabled/hello").write_text("")
        server.program("ss", "exit 0")
        server.program("curl", "case $* in *--unix-socket*) printf '000 0.01' ;; *) printf 'HTTP/2 502\\r\\n' ;; esac")
        text = self.sick(one)
        assert ": stopped" in text or "no process listens" in text
        assert "another site" not in text and "not the live release" not in text

    def test_orphaned_workers_do_not_count(self, one: Fake) -> None:
        server = one.servers["one"]
        server.program("ps", "printf '20 1 30000 7500\\n21 5 40000 100\\n22 21 80000 60\\n'")
        found = self.read(one)
        assert (found["workers"], found["memory_kb"]) == (1, 120000)
        (orphan,) = found["findings"]
        assert orphan["level"] == "warning"
        assert orphan["remedy"] == "End them on the server: `sudo kill -9 20`."

    def test_only_orphaned_workers(self, one: Fake) -> None:
        server = one.servers["one"]
        server.program("ps", "echo 20 1 30000 7500")
        server.program("supervisorctl", "echo hello.x BACKOFF")
        assert "no process listens on its socket (hello.x BACKOFF)" in self.sick(one)

    def test_a_master_without_workers(self, one: Fake) -> None:
        one.servers["one"].program("ps", "echo 20 5 30000 7500")
        assert "0 workers" in self.sick(one)

    def test_restarts_since_the_last_stop_are_a_warning(self, one: Fake) -> None:
        folder = one.servers["one"].path("/var/log/supervisor")
        folder.mkdir()
        end = f"2026-01-01 WARN exited: hello.{OLD} (terminated by SIGKILL; not expected)\n"
        stop = f"2026-01-01 INFO stopped: hello.{OLD} (exit status 0)\n"
        (folder / "supervisord.log.1").write_text(end + end + stop + end + end.replace(OLD, NEW))
        (folder / "supervisord.log").write_text(
            f"INFO spawned: 'hello.{OLD}' with pid 1\n{end}{stop.replace(OLD, NEW)}"
        )
        found = self.read(one)
        assert found["restarts"] == 2
        assert [each["level"] for each in found["findings"]] == ["warning"]

    def test_a_dead_service(self, one: Fake) -> None:
        one.servers["one"].program("systemctl", '[ "$2" != nginx ] || { echo inactive; exit 3; }; echo active')
        assert "nginx is inactive" in self.sick(one)

    @pytest.mark.parametrize(
        ("moment", "level", "said"),
        [
            ("1773532800", "warning", "expires in 17 days, and was not renewed"),
            ("1775088000", "problem", "expired 1 day ago"),
        ],
    )
    def test_a_certificate_near_its_end(self, one: Fake, moment: str, level: str, said: str) -> None:
        one.servers["one"].program("date", f'case "$*" in +%s.%N) echo {moment}.0 ;; *) exec /bin/date "$@" ;; esac')
        text = self.sick(one) if level == "problem" else (status(one.run), one.text)[1]
        assert said in text

    @pytest.mark.parametrize(
        ("served", "said"),
        [
            ("echo Fingerprint=old; echo notAfter=Feb  1 00:00:00 2026 GMT",
             "nginx still serves an older certificate on port 443, valid until 2026-02-01"),
            ("exit 1", "nginx serves no certificate on port 443"),
        ],
    )
    def test_a_renewed_certificate_that_nginx_does_not_serve(self, one: Fake, served: str, said: str) -> None:
        dates = "echo notBefore=Jan  1 00:00:00 2026 GMT; echo notAfter=Apr  1 00:00:00 2026 GMT"
        one.servers["one"].program("openssl", f"""
case $* in
  s_client*) echo shown ;;
  *" -in "*) echo Fingerprint=new; {dates} ;;
  *) {served} ;;
esac""")
        text = self.sick(one)
        assert said in text
        assert "days left" not in text

    @pytest.mark.parametrize(("head", "said"), [
        (f"HTTP/2 200\\r\\nx-release: {OLD}\\r\\n", ""),
        (f"HTTP/2 500\\r\\nx-release: {OLD}\\r\\n", ""),
        ("HTTP/2 200\\r\\n", "GET https://hello.example.com/up?a=b: another site answers, not the live release"),
        ("HTTP/2 502\\r\\n", "GET https://hello.example.com/up?a=b: nginx answers 502, not the live release"),
        ("HTTP/2 200\\r\\nx-release: x\\r\\n", "GET https://hello.example.com/up?a=b: x answers, not the live release"),
        ("", "GET https://hello.example.com/up?a=b: nginx does not answer"),
    ])  # fmt: skip
    def test_another_site_at_the_apps_address(self, one: Fake, head: str, said: str) -> None:
        server = one.servers["one"]
        server.path("/etc/nginx/sites-enabled/hello").write_text("")
        server.program("curl", f"case $* in *--unix-socket*) printf '200 0.012' ;; *) printf '{head}' ;; esac")
        status(one.run, as_json=True) if not said else self.sick(one)
        assert said in one.text

    def test_no_certificate_yet_and_a_renewal_that_failed(self, one: Fake) -> None:
        server = one.servers["one"]
        server.program("systemctl", "case $1 in is-active) echo active ;; *) echo exit-code ;; esac")
        (finding,) = self.read(one)["findings"]
        assert finding["text"] == "its last renewal failed (certbot.service)"
        server.path("/etc/letsencrypt/live/hello/fullchain.pem").unlink()
        one.screen.truncate(one.screen.seek(0))
        assert [each["text"] for each in self.read(one)["findings"]] == ["missing for hello.example.com"]

    @pytest.mark.parametrize(
        ("kilobytes", "inodes", "level"),
        [(40000000, 0, "ok"), (5000000, 90000, "warning"), (900000, 90000, "warning"), (90000, 90000, "problem"),
         (40000000, 1999, "problem")],
    )  # fmt: skip
    def test_disk(self, one: Fake, kilobytes: int, inodes: int, level: str) -> None:
        numbers = f"{kilobytes} 60000000 {inodes} {900000 if inodes else 0}"
        one.servers["one"].program("df", f"echo Avail 1K-blocks IFree Inodes; echo {numbers}")
        levels = [
            each.level for each in check_status(one.run.fleet.sessions[0].target, self.host_status(one)) if each.subject == "disk"
        ]
        assert sorted(levels)[-1] == level if level != "problem" else "problem" in levels

    def host_status(self, one: Fake) -> HostStatus:
        session = one.run.fleet.sessions[0]
        return HostStatus.parse(session.read([Ask(status_query(session.target))])[0])

    def test_pending_updates(self, one: Fake) -> None:
        server = one.servers["one"]
        lines = (
            "Inst a (1 Debian:12/stable [amd64])\nInst b (2 Debian-Security:12/stable-security [amd64])\nConf a (1)\n"
        )
        server.path("/var/log/apt").write_text(lines)
        server.program("setpriv", "cat /var/log/apt")
        server.path("/run/reboot-required").write_text("")
        server.path("/run/reboot-required.pkgs").write_text("linux-image\nlibc6\nlibc6\n")
        found = self.read(one)
        assert found["upgrades"] == {"all": 2, "security": 1}
        assert found["reboot_required"] is True
        assert [each["text"] for each in found["findings"]] == [
            "available for 2 packages, 1 of them for security", "needed to finish upgrading libc6 linux-image"
        ]  # fmt: skip

    def test_a_bare_server_is_healthy(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        found.servers["one"].program("systemctl", "echo inactive; exit 3")
        status(found.run)
        assert "hello is not deployed" in found.text
        assert "fab -H one deploy" in found.text
        assert "nginx" not in found.text

    def test_the_worst_host_decides_the_status(self, fake: Callable[..., Fake]) -> None:
        found = fake("one", "two", gone=["two"])
        with pytest.raises(UnreachableError) as caught:
            status(found.run, as_json=True)
        assert caught.value.status == 4
        found_json = json.loads(found.text)
        assert found_json["one"]["healthy"] is True
        assert found_json["two"] == {"healthy": False, "error": "two: does not answer. Switch it on."}

    def test_the_status_of_several_hosts_ends_with_a_table(self, fake: Callable[..., Fake]) -> None:
        found = fake("one", "two", gone=["two"])
        live(found.servers["one"], OLD)
        with pytest.raises(UnreachableError):
            status(found.run)
        rows = [line.split() for line in found.text.rpartition("\n\n")[2].splitlines()]
        assert rows == [
            ["host", "state", "release", "live", "since"], ["one", "problem", OLD, "-"], ["two", "unreachable"]
        ]  # fmt: skip
