"""`fab config`: each setting of a host, its source, no secret, no server."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from fabric import Config

from selvedge.config.load import load
from selvedge.config.origins import Origins, without_secrets
from selvedge.engine.fleet import Fleet
from selvedge.errors import UsageError
from selvedge.operations.config import config
from selvedge.report import Report
from selvedge.run import Run

HOSTS: Mapping[str, str] = {
    "web": 'address = "203.0.113.10"\n[hosts.web.app]\nbranch = "develop"\n[hosts.web.nginx]\nstatic = { "/own" = "own" }',
    "two": "port = 2222",
}
APP = 'branch = "main"\nworkers = 2\nenv_command = "op read --token s3cret x"\n[nginx.static]\n"/static" = "static"\n'


@pytest.fixture
def run(project: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("SELVEDGE_APP__REPOSITORY", "https://me:s3cret@git.example.com/me/hello.git")
    monkeypatch.setenv("SELVEDGE_HOSTS__TWO__USER", "ubuntu")
    (tmp_path / ".env").write_text("SELVEDGE_APP__WORKERS=3\nSELVEDGE_SUDO_PASSWORD=s3cret\n")
    return project(HOSTS, APP)


def sources(run: Run, host: str) -> dict[str, tuple[object, str]]:
    """Return the value and the source of each setting of a host that is not a default, the file without its folder."""
    (session,) = (each for each in run.fleet.sessions if each.name == host)
    found = Origins(run.settings).of(session.target)
    folder = f"{run.settings.base_dir}/"
    return {each.key: (each.value, each.source.replace(folder, "")) for each in found if each.source != "default"}


def shown(run: Run, *, only: str = "", as_json: bool = False) -> str:
    screen = io.StringIO()
    config(Run(run.settings, Fleet(run.fleet.sessions, Report(screen), run.settings.rollout)), only=only, as_json=as_json)
    return screen.getvalue()


def test_every_source_is_named(run: Run) -> None:
    shared = {
        "app.name": ("hello", "hosts.toml:2 [app]"),
        "app.repository": ("https://•••@git.example.com/me/hello.git", "environment: SELVEDGE_APP__REPOSITORY"),
        "app.workers": (3, ".env: SELVEDGE_APP__WORKERS"),
        "app.env_command": ("op read --token ••• x", "hosts.toml:6 [app]"),
        "nginx.static./static": ("static", "hosts.toml:8 [nginx.static]"),
    }
    assert sources(run, "web") == shared | {
        "app.branch": ("develop", "hosts.toml:13 [hosts.web.app]"),
        "nginx.static./own": ("own", "hosts.toml:15 [hosts.web.nginx.static]"),
        "hosts.web.address": ("203.0.113.10", "hosts.toml:11 [hosts.web]"),
    }
    assert sources(run, "two") == shared | {
        "app.branch": ("main", "hosts.toml:4 [app]"),
        "hosts.two.port": (2222, "hosts.toml:17 [hosts.two]"),
        "hosts.two.user": ("ubuntu", "environment: SELVEDGE_HOSTS__TWO__USER"),
    }


@pytest.mark.usefixtures("run")
def test_the_source_is_that_of_the_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A general setting of a stronger source overrides a host's own one of a weaker source."""
    monkeypatch.setenv("SELVEDGE_APP__BRANCH", "fix")
    monkeypatch.setenv("SELVEDGE_NGINX__STATIC", '{"/env": "env"}')
    found = sources(Run.load(["web"], Config()), "web")
    assert found["app.branch"] == ("fix", "environment: SELVEDGE_APP__BRANCH")
    assert {key: value for key, (value, _) in found.items() if key.startswith("nginx.static")} == {
        "nginx.static./static": "static",
        "nginx.static./env": "env",
    }
    target = load(tmp_path / "hosts.toml").target("web")
    assert target.nginx.static == {"/static": "static", "/env": "env"}


@pytest.mark.usefixtures("run")
def test_what_the_command_line_says() -> None:
    found = sources(Run.load(["root@203.0.113.99:2200"], Config()), "root@203.0.113.99:2200")
    assert found["hosts.root@203.0.113.99:2200.address"] == ("203.0.113.99", "command line (-H)")
    assert found["hosts.root@203.0.113.99:2200.port"] == (2200, "command line (-H)")
    assert "hosts.root@203.0.113.99:2200.key" not in found
    typed = sources(Run.load(["admin@web"], Config()), "web")
    assert typed["hosts.web.user"] == ("admin", "command line (-H)")
    assert typed["hosts.web.address"][1] == "hosts.toml:11 [hosts.web]"


def test_the_table_and_the_filter(run: Run) -> None:
    rows = [line.split() for line in shown(run, only="app.branch, hosts").splitlines()]
    assert rows[0] == ["host", "setting", "value", "source"]
    assert [row[1] for row in rows[1:] if row[0] == "web"][:2] == ["app.branch", "hosts.web.address"]
    assert {row[1].partition(".")[0] for row in rows[1:]} == {"app", "hosts"}
    assert shown(run, only="app.start_timeout app.index_strategy").count("default") == 4
    with pytest.raises(UsageError, match=r"'app\.brnch' is not a setting") as error:
        config(run, only="app.brnch")
    assert error.value.remedy == "Did you mean `app.branch`?"


def test_all_settings_as_json_without_a_secret(run: Run) -> None:
    text = shown(run, as_json=True)
    assert "s3cret" not in text
    found = json.loads(text)
    assert found["two"]["hosts.two.port"]["value"] == 2222
    assert found["two"]["app.health"] == {"value": "/", "source": "default"}
    sections = {"app", "tls", "server", "mirrors", "nginx", "hooks", "box", "docker", "services", "backup", "balancer"}
    sections |= {"metrics", "rollout", "notify", "hosts"}
    assert {key.partition(".")[0] for key in found["web"]} == sections


def test_secrets_by_their_key_or_type_are_hidden() -> None:
    assert without_secrets({"eab_hmac_key": "x", "list": ["https://a:b@c.test/"], "certificate_key": "a.pem"}) == {
        "eab_hmac_key": "•••",
        "list": ["https://•••@c.test/"],
        "certificate_key": "a.pem",
    }


def test_a_process_has_the_settings_of_its_host(project: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    worker = '[processes.worker]\ncommand = "x"\ncount = 2\n[processes.beat]\ncommand = "y"\n'
    own = '[hosts.web.processes.worker]\ncount = 4\n[hosts.web.timers.own]\ncommand = "z"\nschedule = "daily"\n'
    found = project({"web": f'address = "203.0.113.10"\n{own}', "two": ""}, worker)

    def rows(host: str) -> dict[str, object]:
        shown = {key: value for key, (value, _) in sources(found, host).items()}
        return {key: value for key, value in shown.items() if key.startswith(("processes.", "timers."))}

    general = {"processes.worker.command": "x", "processes.worker.count": 2, "processes.beat.command": "y"}
    assert rows("two") == general
    timer = {"timers.own.command": "z", "timers.own.schedule": "daily"}
    assert rows("web") == general | {"processes.worker.count": 4} | timer
    assert sources(found, "web")["processes.worker.count"][1].endswith("[hosts.web.processes.worker]")
    monkeypatch.setenv("SELVEDGE_PROCESSES__WORKER__COUNT", "7")
    again = sources(Run.load(["web"], Config()), "web")
    assert again["processes.worker.count"] == (7, "environment: SELVEDGE_PROCESSES__WORKER__COUNT")
    assert again["processes.worker.command"][1].endswith("[processes.worker]")


def test_a_setting_that_a_host_has_from_the_balancer_says_so(project: Callable[..., Run]) -> None:
    app = '[nginx]\nstatic = { "/s" = "s" }\n[balancer]\nhosts = ["lb"]\nbackends = "web"\n[groups]\nweb = ["web-1"]\n'
    run = project({"lb": 'address = "10.0.0.1"', "web-1": 'address = "10.0.0.2"'}, app)
    backend, balancer = sources(run, "web-1"), sources(run, "lb")
    assert backend["tls.upstream"] == (True, "[balancer]")
    assert backend["nginx.trusted_proxies"] == (["10.0.0.1"], "[balancer]")
    assert backend["nginx.static./s"] == ("s", "hosts.toml:5 [nginx.static]")
    assert backend["app.name"] == ("hello", "hosts.toml:2 [app]")
    assert balancer["app.name"] == ("hello.balancer", "[balancer]") and balancer["nginx.static"] == ({}, "[balancer]")
