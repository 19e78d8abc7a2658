"""`fab doctor`: findings from a server's answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UnreachableError
from selvedge.operations.doctor import doctor
from selvedge.operations.doctor.facts import ServerFacts
from selvedge.operations.doctor.network import check_network
from selvedge.operations.doctor.server import check_server
from tests.support.declared import BACKEND
from tests.support.releases import OLD
from tests.support.runs import run_over
from tests.unit.operations.result_lines import lines


def found(text: str = "", user: str = "deploy", **more: Any) -> ServerFacts:
    """Return an examination: the server's lines, and this machine's own observations."""
    return replace(ServerFacts.parse(text, user), **more)


GOOD = f"""live {OLD}
current x
listening yes
process 20 1 30000 7500
process 21 20 80000 7400
health 200 0.01
service nginx active
service supervisor active
now 1769904000.5
disk 40000000 60000000
load 0.10 2
memory 1000000 2000000 0
upgrades 0 0
os debian 12 Debian GNU/Linux 12 (bookworm)
systemd yes
python 3.11.2
boot nginx enabled
boot supervisor enabled
address 127.0.0.1
address 203.0.113.10
address 2001:db8::10
address fe80::1
port 80 users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))
port 443 users:(("nginx",pid=7,fd=7))
ufw on deny ipv6 live
ufw-rule ### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in
nginx ok
enabled yes
configuration supervisor ok
reader www-data
open /run/hello/{OLD}.sock
site 200 {OLD}
"""


class TestDoctor:
    def test_a_package_source_that_failed(self, target: Callable[..., Target]) -> None:
        facts = found(f"{GOOD}source /etc/apt/sources.list.d/x.list, line 1|http://x stable|404  Not Found\n", ports={80: "open"})
        assert lines(check_server(target(), facts)) == [
            "packages: http://x stable could not be fetched: 404  Not Found (/etc/apt/sources.list.d/x.list, line 1)"
        ]

    def test_a_healthy_server_has_no_findings(self, target: Callable[..., Target]) -> None:
        app, facts = target(), found(GOOD, ports={80: "open"})
        assert lines([*check_server(app, facts), *check_network(app, facts)]) == []
        subjects = {each.subject for each in [*check_server(app, facts), *check_network(app, facts)]}
        assert subjects >= {"login", "system", "python", "clock", "memory", "nginx", "supervisor", "app", "health", "service",
                            "disk", "load", "upgrades", "socket", "site", "port"}  # fmt: skip

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("os debian 12", "os debian 10", "system: Debian GNU/Linux 12 (bookworm) is not tested"),
            ("os debian 12", "os fedora 41", "system: Debian GNU/Linux 12 (bookworm) is not supported"),
            ("systemd yes", "x", "system: Debian GNU/Linux 12 (bookworm) runs without systemd"),
            ("python 3.11.2", "python", "python: not installed"),
            ("python 3.11.2", "python 3.8.10", "python: 3.8.10 is too old for current FastAPI"),
            ("memory 1000000 2000000 0", "memory 90000 500000 10000",
             "memory: 88 MB free, 10 MB swap; a new release beside the live one needs 150 MB"),
            ("nginx ok", 'nginx unknown directive "x" in /etc/nginx/sites-enabled/zz:3',
             'nginx: unknown directive "x" in /etc/nginx/sites-enabled/zz:3'),
            ("supervisor ok", "supervisor Error: x (file: '/etc/supervisor/conf.d/a.conf')",
             "supervisor: Error: x (file: '/etc/supervisor/conf.d/a.conf')"),
            ("boot nginx enabled", "boot nginx disabled", "boot: nginx does not start at boot (disabled)"),
            ("boot nginx enabled", "boot nginx", "boot: nginx does not start at boot (not installed)"),
            (f"open /run/hello/{OLD}.sock", "closed /run/hello drwx------ hello hello",
             "socket: www-data cannot access /run/hello (drwx------ hello:hello), so nginx answers 502"),
            (f"open /run/hello/{OLD}.sock", f"closed /run/hello/{OLD}.sock", f"socket: /run/hello/{OLD}.sock is missing"),
            ("enabled yes", "x", "site: hello has no enabled site in nginx"),
            (f"site 200 {OLD}", "site 502", "site: through nginx, GET http://203.0.113.10/ answers 502"),
            (f"site 200 {OLD}", "site 503\nmaintenance 2026-11-30T08:02:11Z me@laptop",
             "maintenance: on since 2026-11-30 08:02:11 UTC, by me@laptop: visitors get its page"),
            (f"site 200 {OLD}", "site 0", "site: through nginx, GET http://203.0.113.10/ does not answer"),
            (f"site 200 {OLD}", "site 200", "site: nginx answers from another site, not from the live release"),
            ('port 80 users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))', 'port 80 users:(("apache2",pid=8,fd=6))',
             "port: 80 is used by apache2 (process 8), but nginx needs it"),
            ('port 80 users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))', "port 80", "port: no program listens on 80"),
            ("tcp 80,443", "tcp 22", "firewall: ufw blocks port 80"),
            ("allow tcp 80,443", "deny tcp 80", "firewall: ufw blocks port 80"),
            ("ufw on deny ipv6 live", "ufw deny\ninput -P INPUT DROP\ninput -A INPUT -p tcp --dport 22 -j ACCEPT",
             "firewall: iptables blocks port 80"),
        ],
    )  # fmt: skip
    def test_problems_have_a_text_and_a_remedy(self, target: Callable[..., Target], old: str, new: str, said: str) -> None:
        text = GOOD.replace(old, new)
        assert text != GOOD
        app, facts = target(), found(text)
        results = [*check_server(app, facts), *check_network(app, facts)]
        assert said in lines(results)
        assert all(each.remedy for each in results if each.level != "ok")

    @pytest.mark.parametrize(
        "rule",
        ["allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in", "limit any 80 0.0.0.0/0 any 0.0.0.0/0 in",
         "allow tcp 79:81 0.0.0.0/0 any 0.0.0.0/0 in comment=63", "allow tcp 22,80 ::/0 any ::/0 in"],
    )  # fmt: skip
    def test_rules_of_ufw_that_open_port_80(self, target: Callable[..., Target], rule: str) -> None:
        text = GOOD.replace("allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in", rule)
        assert lines(check_network(target(), found(text))) == []

    @pytest.mark.parametrize(("source", "said"), [("10.0.0.1", []), ("10.0.0.9", ["firewall: ufw blocks port 80"])])
    def test_a_backend_answers_its_balancer_alone(self, target: Callable[..., Target], source: str, said: list[str]) -> None:
        rule = f"allow tcp 80 0.0.0.0/0 any {source} in"
        text = GOOD.replace("allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in", rule)
        assert lines(check_network(target(**BACKEND), found(text, ports={80: "silent"}))) == said

    def test_a_firewall_that_allows_everything(self, target: Callable[..., Target]) -> None:
        text = GOOD.replace("allow tcp 80,443", "allow tcp 22").replace("on deny", "on")
        assert lines(check_network(target(), found(text))) == []

    def test_a_firewall_of_the_provider_is_noticed(self, target: Callable[..., Target]) -> None:
        (said,) = lines(check_network(target(), found(GOOD, ports={80: "silent"})))
        assert said == "firewall: nginx listens on 80, but from your machine there is no answer"

    @pytest.mark.parametrize(
        ("skew", "level"),
        [(0.0, "ok"), (4.9, "ok"), (-5.1, "warning"), (60, "warning"), (-120, "problem"), (9e6, "problem")],
    )
    def test_clock(self, target: Callable[..., Target], skew: float, level: str) -> None:
        (each,) = [each for each in check_server(target(), found(GOOD, skew=skew)) if each.subject == "clock"]
        assert each.level == level

    @pytest.mark.parametrize(("user", "level"), [("deploy", "ok"), ("root", "warning"), ("ubuntu", "warning")])
    def test_login(self, target: Callable[..., Target], user: str, level: str) -> None:
        assert next(iter(check_server(target(), found(GOOD, user)))).level == level

    @pytest.mark.parametrize(
        ("answer", "resolved", "level", "said"),
        [
            ("203.0.113.10 2001:db8::10", (), "ok", "a.test resolves to this server (2001:db8::10, 203.0.113.10)"),
            ("203.0.113.10 2001:db8::bad", (), "problem", "a.test resolves to 2001:db8::bad, not to this server"),
            ("198.51.100.1", (), "problem", "a.test resolves to 198.51.100.1, not to this server"),
            ("", (), "problem", "a.test has no address"),
            ("127.0.1.1", ("203.0.113.10",), "ok", "a.test resolves to this server (203.0.113.10)"),
            ("127.0.1.1", (), "problem", "a.test has no address"),
        ],
    )
    def test_names(
        self, target: Callable[..., Target], answer: str, resolved: tuple[str, ...], level: str, said: str
    ) -> None:
        app = target(domains=["a.test"])
        facts = found(f"{GOOD}domain a.test {answer}\n", domains={"a.test": frozenset(resolved)})
        (each,) = [each for each in check_network(app, facts) if each.subject == "dns"]
        assert (each.level, each.text) == (level, said)

    @pytest.mark.parametrize(
        ("answer", "remedy"),
        [
            ("198.51.100.1", "Set its A record to 203.0.113.10."),
            ("203.0.113.10 2001:db8::bad", "Set its AAAA record to 2001:db8::10."),
            ("198.51.100.1 2001:db8::bad", "Set its A record to 203.0.113.10. Set its AAAA record to 2001:db8::10."),
            ("no-address 198.51.100.1", "Set its A record to 203.0.113.10."),
        ],
    )
    def test_the_remedy_names_the_wrong_dns_record(self, target: Callable[..., Target], answer: str, remedy: str) -> None:
        app = target(domains=["a.test"])
        (each,) = [each for each in check_network(app, found(f"{GOOD}domain a.test {answer}\n")) if each.subject == "dns"]
        assert each.remedy == remedy
        without = GOOD.replace("address 2001:db8::10\n", "") + f"domain a.test {answer}\n"
        (each,) = [each for each in check_network(app, found(without)) if each.subject == "dns"]
        assert "2001" not in each.remedy

    @pytest.mark.parametrize(
        ("here", "leads_to", "level"),
        [
            ((), "8.8.8.8", "warning"),
            (("8.8.8.8",), "8.8.8.8", "ok"),
            ((), "10.0.0.9", "problem"),
            ((), "2600::1", "problem"),
        ],
    )
    def test_names_of_a_server_with_a_private_address(
        self, target: Callable[..., Target], here: tuple[str, ...], leads_to: str, level: str
    ) -> None:
        app = target(domains=["a.test"])
        text = (
            GOOD.replace("203.0.113.10", "10.0.0.5").replace("2001:db8::10", "fd00::1") + f"domain a.test {leads_to}\n"
        )
        facts = found(text, addresses=frozenset(here))
        assert [each.level for each in check_network(app, facts) if each.subject == "dns"] == [level]

    def test_names_are_not_checked_where_tls_ends_upstream(self, target: Callable[..., Target]) -> None:
        app = target(domains=["a.test"], tls={"upstream": True})
        assert lines(check_network(app, found(f"{GOOD}domain a.test\n"))) == []

    def test_a_certificate_for_other_names(self, target: Callable[..., Target]) -> None:
        app = target(domains=["a.test", "b.test"])
        text = f"{GOOD}domain a.test 203.0.113.10\ndomain b.test 203.0.113.10\ncertificate 1767225600 1775001600\n"
        assert lines(check_network(app, found(f"{text}name a.test\n"))) == ["certificate: does not cover b.test"]
        assert lines(check_network(app, found(f"{text}name a.test\nname b.test\n"))) == []

    @pytest.mark.parametrize(
        ("line", "level"),
        [(f"commit {'a' * 40}", "ok"), ("missing", "problem"), ("refused denied\tadd the key\tssh-ed25519 AAAA x", "problem")],
    )
    def test_the_server_can_read_the_repository(self, target: Callable[..., Target], line: str, level: str) -> None:
        (each,) = [
            each for each in check_server(target(), found(f"{GOOD}repository {line}\n")) if each.subject == "repository"
        ]
        assert each.level == level
        assert "AAAA" not in each.text

    def test_a_bare_server_has_no_problems(self, target: Callable[..., Target]) -> None:
        text = "live \nos debian 13 Debian GNU/Linux 13 (trixie)\nsystemd yes\npython\nport 80\nport 443\nservice nginx inactive\n"
        app, facts = target(), found(text, "root")
        results = [*check_server(app, facts), *check_network(app, facts)]
        assert lines(results, "problem") == []

    def test_an_unreachable_host_is_a_finding_with_status_4(
        self, target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        screen = io.StringIO()
        with pytest.raises(SelvedgeError, match=r"Problems: .*two: login") as caught:
            doctor(run_over(target(), {"two": Gone()}, screen))
        assert caught.value.status == 4
        assert "two: does not answer" in screen.getvalue()
        assert "→ Switch it on." in screen.getvalue()


class Gone:
    """A connection that fails."""

    @property
    def connection(self) -> None:
        raise UnreachableError("two: does not answer.", "Switch it on.")


def test_the_server_reads_the_procfile_of_a_repository_that_it_fetches(app: Callable[..., Target]) -> None:
    text = f"{GOOD}procfile web: uvicorn main:app\nprocfile worker: celery -A \"x\" worker\nprocfile beat: celery beat\n"
    text += "procfile clock: python clock.py\n"
    settings = app("nothing set", processes={"beat": {"command": "celery beat"}})
    said, alone = (each for each in check_server(settings, found(text)) if each.subject == "processes")
    assert said.text == "Procfile has worker, which hosts.toml does not run beside the web process"
    assert said.remedy == 'Add `[processes.worker]` with `command = "celery -A \\"x\\" worker"` to hosts.toml.'
    assert alone.remedy == 'Add `[processes.clock]` with `command = "python clock.py"` and `overlap = false` to hosts.toml.'
    assert not [each for each in check_server(settings, found(GOOD)) if each.subject == "processes"]


@pytest.mark.parametrize(("beside", "enough"), [(0, True), (900_000, False)])
def test_a_release_beside_the_live_one_needs_memory_for_its_processes_too(
    app: Callable[..., Target], beside: int, enough: bool
) -> None:
    results = check_server(app("nothing set"), found(f"{GOOD}beside {beside}\n"))
    (said,) = (each for each in results if each.subject == "memory")
    assert (said.level == "ok") is enough


@pytest.mark.parametrize("manager", ["docker", "systemd"])
def test_what_the_start_script_of_an_image_does_is_named(target: Callable[..., Target], manager: str) -> None:
    facts = found(f'{GOOD}image the image has /app/prestart.sh|Set migrate = "sh /app/prestart.sh" under [app].\n')
    said = [each for each in check_server(target(manager=manager), facts) if each.subject == "image"]
    remedies = [(each.level, each.remedy) for each in said]
    assert remedies == ([("warning", 'Set migrate = "sh /app/prestart.sh" under [app].')] if manager == "docker" else [])
