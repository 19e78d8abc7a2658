"""Each section of hosts.toml together with `[balancer]`: it loads, and each host can be set up with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from selvedge.config.settings import Settings
from selvedge.config.target import Release
from tests.support.declared import every
from tests.support.fixtures import COMMIT
from tests.support.keys import KEY
from tests.unit.config.conftest import Load, Problems
from tests.unit.config.test_balancer import ALL, APP

SECTIONS = {
    "tls": '[tls]\nemail = "me@example.com"\nhsts = 60\n',
    "server": '[server]\npackages = ["libgl1"]\nopen_ports = [8443]\nreboot_time = "03:30"\nauthorized_keys = ["me.pub"]\n',
    "mirrors": '[mirrors]\npypi = "https://mirrors.example.com/pypi/simple"\n',
    "nginx": '[nginx]\nspa = "web"\ncache = "1s"\nstatic = { "/static" = "static" }\nrate_limit = "10r/s"\n',
    "maintenance": '[maintenance]\nallow = ["203.0.113.5"]\n',
    "hooks": '[hooks]\nafter_switch = ["true", "local: true"]\n',
    "box": '[box]\nexecute = true\n',
    "docker": '[docker]\nbuild = "here"\n',
    "services": '[services]\npostgres = true\nredis = true\nhosts = ["web-1"]\n',
    "backup": '[backup]\nto = "/var/backups/apps"\nrehearse = "weekly"\n',
    "metrics": '[metrics]\nenabled = true\nserver = "lb"\n',
    "rollout": "[rollout]\ndrain = true\nbatch = 2\n",
    "notify": "[notify]\nonly_failures = true\n",
    "processes": '[processes.worker]\ncommand = "celery"\n[processes.beat]\ncommand = "beat"\noverlap = false\nhosts = ["web-1"]\n',
    "timers": '[timers.cleanup]\ncommand = "true"\nschedule = "daily"\nhosts = ["web-1"]\n',
}
PLAIN = ALL.replace(APP, APP.replace('env_file = "x.env"\n', ""))
ONE = 'cleanup]\ncommand = "true"\nschedule = "daily"\n'


def test_every_section_is_here() -> None:
    assert set(SECTIONS) == Settings.model_fields.keys() - {"app", "balancer", "hosts", "groups"}


# A certificate needs a domain.
PAIRS = [(section, domain) for domain in (True, False) for section in SECTIONS if domain or section != "tls"]


@pytest.mark.parametrize(("section", "domain"), PAIRS)
def test_each_section_goes_together_with_a_balancer(settings: Load, section: str, domain: bool, tmp_path: Path) -> None:
    (tmp_path / "me.pub").write_text(f"{KEY}\n")
    keys = "" if section == "server" else '[server]\nauthorized_keys = ["me.pub"]\n'
    text = PLAIN.replace("[app]\n", '[app]\nmanager = "docker"\n') if section == "docker" else PLAIN
    text = text if domain else text.replace('domains = ["a.test"]\n', "")
    found = settings(f"{text}{keys}{SECTIONS[section]}", {"SELVEDGE_BACKUP__PASSWORD": "c4nary"})
    for name in found.hosts:
        assert list(every(found.target(name).releasing(Release(commit=COMMIT))))
    lb = found.target("lb")
    assert not lb.processes and not lb.timers and not lb.services.wanted


def test_what_runs_once_may_share_a_group_with_the_balancer(settings: Load) -> None:
    one = PLAIN.replace('web = ["web-1", "web-2"]', 'web = ["web-1"]\nall = ["lb", "web-1"]')
    assert settings(f"{one}[services]\nredis = true\n[timers.{ONE}[processes.beat]\ncommand = \"beat\"\noverlap = false\n")


ONLY = "lb is only a balancer ([balancer]), so the app does not run there. "


@pytest.mark.parametrize(("text", "key", "remedy"), [
    (f'[timers.{ONE}hosts = ["lb"]\n', "timers.cleanup.hosts", "Name one of the backends instead."),
    ('[processes.worker]\ncommand = "x"\nhosts = ["web-1", "lb"]\n', "processes.worker.hosts", "Name one of the backends instead."),
    ('[services]\nredis = true\nhosts = ["lb"]\n', "services.hosts", "Name one of the backends instead."),
    (f"[hosts.lb.timers.{ONE}", "hosts.lb.timers.cleanup", "Delete the table."),
    ('[hosts.lb.processes.worker]\ncommand = "x"\n', "hosts.lb.processes.worker", "Delete the table."),
])
def test_nothing_of_the_app_can_be_put_on_a_mere_balancer(problems: Problems, text: str, key: str, remedy: str) -> None:
    assert problems(f"{PLAIN}{text}") == [f"hosts.toml: {key}: {ONLY}{remedy}"]


def test_a_backend_that_balances_runs_the_app(settings: Load) -> None:
    both = PLAIN.replace('hosts = ["lb"]', 'hosts = ["web-1"]\nport = 8080')
    found = settings(f'{both}[timers.{ONE}hosts = ["web-1"]\n').target("web-1")
    assert list(found.timers) == ["cleanup"] and found.balancer_site
