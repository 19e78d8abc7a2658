"""Where a setting comes from, and which source wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from selvedge.config.files import hosts_file
from selvedge.config.load import load
from selvedge.errors import ConfigError
from tests.unit.config.conftest import Load
from tests.unit.config.examples import APP, TWO, names


def test_the_environment_wins_over_dotenv_and_the_file(tmp_path: Path, settings: Load) -> None:
    text = APP + 'branch = "file"\nmodule = "file:app"\nhealth = "/file"\n[hosts.s]\n'
    (tmp_path / ".env").write_text(
        'SELVEDGE_APP__BRANCH=dotenv\nSELVEDGE_APP__MODULE="dotenv:app"\nOTHER=x\nbroken line\n'
    )
    app = settings(text, {"SELVEDGE_APP__BRANCH": "environment", "UNRELATED": "x"}).target("s")
    assert (app.branch, app.module, app.health) == ("environment", "dotenv:app", "/file")
    app = settings(text, {"SELVEDGE_APP__BRANCH": "environment"}, overrides={"app": {"branch": "line"}}).target("s")
    assert app.branch == "line"


def test_a_general_variable_wins_over_the_table_of_a_host(settings: Load) -> None:
    text = APP + '[hosts.s.app]\nbranch = "own"\nmodule = "own:app"\n[hosts.s.nginx]\nmax_body = "1m"\n'
    assert settings(text).target("s").branch == "own"
    app = settings(text, {"SELVEDGE_APP__BRANCH": "fix"}).target("s")
    assert (app.branch, app.module, app.nginx.max_body) == ("fix", "own:app", "1m")
    both = {"SELVEDGE_APP__BRANCH": "fix", "SELVEDGE_HOSTS__S__APP__BRANCH": "mine"}
    assert settings(text, both).target("s").branch == "mine"
    assert settings(text, both, overrides={"app": {"branch": "line"}}).target("s").branch == "line"


def test_every_kind_of_value_comes_from_the_environment(settings: Load) -> None:
    found = settings(
        TWO,
        {
            "SELVEDGE_APP__WORKERS": "5",
            "SELVEDGE_APP__DOMAINS": '["a.example", "b.example"]',
            "SELVEDGE_APP__HEALTH_TIMEOUT": "2.5",
            "SELVEDGE_APP__MIGRATE": '["not", "json"]',
            "SELVEDGE_APP__RELEASE_HEADER": "no",
            "selvedge_tls__staging": "1",
            "SELVEDGE_SERVER__OPEN_PORTS": "[8443]",
            "SELVEDGE_NGINX__STATIC": '{"/static": "public"}',
            "SELVEDGE_HOOKS__AFTER_SWITCH": "local: ./tell",
            "SELVEDGE_ROLLOUT": '{"batch": 2, "pause": 1.0}',
            "SELVEDGE_ROLLOUT__BATCH": "50%",
            "SELVEDGE_GROUPS": '{"all": ["web-1", "web-2"]}',
            "SELVEDGE_HOSTS__WEB_1__PORT": "2222",
            "SELVEDGE_HOSTS__WEB_1__APP__TIMEOUT": "99",
            "SELVEDGE_HOSTS__WEB_1__APP__DOMAINS": '["c.example"]',
            "SELVEDGE_HOSTS__WEB_1__APP__MIGRATE": "123",
            "SELVEDGE_HOSTS__WEB_1__TLS__UPSTREAM": "true",
            "SELVEDGE_HOSTS__NEW__ADDRESS": "203.0.113.3",
        },
    )
    app, other = found.target("web-1"), found.target("web-2")
    assert (other.workers, other.domains, other.health_timeout) == (5, ["a.example", "b.example"], 2.5)
    assert (other.migrate, other.release_header, other.tls.staging) == ('["not", "json"]', False, True)
    assert (other.machine.open_ports, other.nginx.static) == ([8443], {"/static": "public"})
    assert (other.hooks.after_switch, found.rollout.batch, found.rollout.pause) == (["local: ./tell"], "50%", 1.0)
    assert (app.host.port, app.timeout, app.domains, app.migrate) == (2222, 99, ["c.example"], "123")
    assert (app.tls.upstream, app.tls.staging, other.tls.upstream) == (True, True, False)
    assert found.hosts["new"].address == "203.0.113.3"
    assert names(found.select(["all"])) == ["web-1", "web-2"]


def test_the_sudo_password_is_a_secret_and_not_a_setting(tmp_path: Path, settings: Load) -> None:
    assert settings(APP).sudo_password is None
    (tmp_path / ".env").write_text("SELVEDGE_SUDO_PASSWORD='from dotenv'\n")
    found = settings(APP)
    assert found.sudo_password is not None
    assert found.sudo_password.get_secret_value() == "from dotenv"
    found = settings(APP, {"SELVEDGE_SUDO_PASSWORD": "hunter2"})
    assert found.sudo_password is not None
    assert found.sudo_password.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{found!r} {found} {found.sudo_password!r} {found.model_dump()}"


def test_the_file_is_named_or_found_in_a_parent_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts.toml").write_text(APP)
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    assert hosts_file(environ={}) == tmp_path / "hosts.toml"
    (tmp_path / "other.toml").write_text(APP)
    assert hosts_file(environ={"SELVEDGE_HOSTS_FILE": "../../other.toml"}) == Path("../../other.toml")
    with pytest.raises(ConfigError, match=r"none\.toml: the file is missing"):
        hosts_file(environ={"SELVEDGE_HOSTS_FILE": "none.toml"})
    (tmp_path / "hosts.toml").unlink()
    with pytest.raises(ConfigError, match="the file is missing in"):
        hosts_file(environ={})


def test_the_environment_of_this_machine_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts.toml").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELVEDGE_SANDBOX_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("SELVEDGE_APP__BRANCH", "fix")
    assert load().app.branch == "fix"
