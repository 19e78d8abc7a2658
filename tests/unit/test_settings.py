"""What the settings of a host come to: sources, overrides, groups, and which host a command line means."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from selvedge.load import hosts_file, load, sandbox_file
from selvedge.settings import Settings, Target

from selvedge.errors import ConfigError, UsageError
from selvedge.paths import Paths

ROOT = Path(__file__).parents[2]
APP = '[app]\nname = "hello"\nrepository = "https://git.example.com/me/hello.git"\n'
TWO = APP + '[hosts.web-1]\naddress = "203.0.113.1"\n[hosts.web-2]\naddress = "203.0.113.2"\n'

Load = Callable[..., Settings]


@pytest.fixture
def settings(tmp_path: Path) -> Load:
    """Load a hosts.toml of this text, with nothing else of this machine in it."""

    def from_text(text: str, environ: Mapping[str, str] | None = None, **more: Any) -> Settings:
        (tmp_path / "hosts.toml").write_text(text, encoding="utf-8")
        around = {"SELVEDGE_SANDBOX_DIR": str(tmp_path / "sandbox"), **(environ or {})}
        return load(tmp_path / "hosts.toml", environ=around, **more)

    return from_text


def names(hosts: list[Any]) -> list[str]:
    return [host.name for host in hosts]


def test_the_contracts_own_example_loads(settings: Load) -> None:
    found = settings(
        """
        [app]
        name = "hello"
        repository = "https://git.example.com/me/hello.git"
        branch = "main"
        module = "main:app"
        domains = ["hello.example.com"]
        workers = 3
        health = "/"
        migrate = ""
        manager = "supervisor"
        env_file = ""
        [tls]
        email = "me@example.com"
        acme_server = ""
        [hosts.server]
        address = "203.0.113.10"
        user = "deploy"
        bootstrap_user = "root"
        port = 22
        key = "~/.ssh/id_ed25519"
        [hosts.staging]
        address = "203.0.113.11"
        [hosts.staging.app]
        branch = "develop"
        domains = ["staging.example.com"]
        [groups]
        production = ["server"]
        """
    )
    server, staging = found.target("server"), found.target("staging")
    assert (server.branch, server.domains, server.workers) == ("main", ["hello.example.com"], 3)
    assert (staging.branch, staging.domains, staging.workers) == ("develop", ["staging.example.com"], 3)
    assert server.host.key == str(Path("~/.ssh/id_ed25519").expanduser())
    assert names(found.select(["production"])) == ["server"]


def test_the_shipped_file_loads_as_it_is_and_with_its_examples(tmp_path: Path, settings: Load) -> None:
    text = (ROOT / "hosts.toml").read_text(encoding="utf-8")
    plain = settings(text)
    assert (plain.app.name, plain.app.root, plain.hosts) == ("hello", "examples/hello", {})
    live = re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.M)
    assert live.count("\n[") == 6
    found = settings(live)
    assert list(found.hosts) == ["server", "staging"]
    assert found.target("staging").branch == "develop"
    assert found.target("staging").local_path == tmp_path
    assert names(found.select(["production"])) == ["server"]


def test_defaults(settings: Load) -> None:
    app = settings(APP + "[hosts.s]\n").target("s")
    assert (app.branch, app.module, app.domains, app.workers, app.timeout) == ("main", "main:app", [], None, 30)
    assert (app.worker_class, app.health, app.health_ranges) == ("uvicorn_worker.UvicornWorker", "/", [(200, 399)])
    assert (app.strategy, app.manager, app.installer, app.python_from) == ("beside", "supervisor", "uv", "auto")
    assert (app.host.address, app.host.user, app.host.bootstrap_user, app.host.port) == ("s", "deploy", "root", None)
    assert (app.tls.certbot, app.server.sudo, app.nginx.max_body) == ("apt", "nopasswd", "10m")
    assert (app.health_host_header, app.local_path, app.commit) == ("localhost", None, None)


def test_a_target_takes_its_commit_later_and_is_frozen(settings: Load) -> None:
    app = settings(APP + "[hosts.s]\n").target("s")
    released = app.model_copy(update={"commit": "a" * 40})
    assert (released.commit, app.commit) == ("a" * 40, None)
    with pytest.raises(ValueError, match="frozen"):
        app.branch = "other"
    with pytest.raises(ValueError, match="commit"):
        Target.model_validate({**dict(app), "commit": "abc"})


def test_health_ranges_and_host_header(settings: Load) -> None:
    text = APP + 'health_status = [200, "300-308"]\ndomains = ["b.example", "a.example"]\n[hosts.s]\n'
    app = settings(text).target("s")
    assert app.health_ranges == [(200, 200), (300, 308)]
    assert app.health_host_header == "b.example"
    assert settings(text, {"SELVEDGE_APP__HEALTH_HOST": "c.example"}).app.health_host_header == "c.example"


def test_local_paths_begin_at_the_folder_of_the_file(tmp_path: Path, settings: Load) -> None:
    app = settings('[app]\nname = "hello"\nrepository = "../my code"\n[hosts.s]\nkey = "keys/id"\n').target("s")
    assert app.local_path == tmp_path / "../my code"
    assert app.local("~/x") == Path("~/x").expanduser()
    assert app.local("/x") == Path("/x")
    assert app.host.key == str(tmp_path / "keys/id")


def test_the_token_of_a_repository_is_in_no_repr(settings: Load) -> None:
    secret = "https://me:hunter2@git.example.com/x"
    found = settings(APP.replace("https://git.example.com/me/hello.git", "."), {"SELVEDGE_APP__REPOSITORY": secret})
    assert found.app.repository == secret
    assert found.app.repository_shown == "https://git.example.com/x"
    assert "hunter2" not in repr(found)


def test_paths() -> None:
    paths = Paths("hello")
    assert paths.release("0123456789abcdef" * 2) == "/srv/hello/releases/0123456789ab"
    assert (paths.repo, paths.current, paths.shared) == (
        "/srv/hello/repo.git",
        "/srv/hello/current",
        "/srv/hello/shared",
    )
    assert (paths.site, paths.supervisor_conf) == (
        "/etc/nginx/sites-available/hello",
        "/etc/supervisor/conf.d/hello.conf",
    )


# Sources and their order


def test_environment_over_dotenv_over_file(tmp_path: Path, settings: Load) -> None:
    text = APP + 'branch = "file"\nmodule = "file:app"\nhealth = "/file"\n[hosts.s]\n'
    (tmp_path / ".env").write_text(
        'SELVEDGE_APP__BRANCH=dotenv\nSELVEDGE_APP__MODULE="dotenv:app"\nOTHER=x\nbroken line\n'
    )
    app = settings(text, {"SELVEDGE_APP__BRANCH": "environment", "UNRELATED": "x"}).target("s")
    assert (app.branch, app.module, app.health) == ("environment", "dotenv:app", "/file")
    app = settings(text, {"SELVEDGE_APP__BRANCH": "environment"}, overrides={"app": {"branch": "line"}}).target("s")
    assert app.branch == "line"


def test_a_general_key_of_the_environment_wins_over_a_hosts_own_in_the_file(settings: Load) -> None:
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
    assert (other.server.open_ports, other.nginx.static) == ([8443], {"/static": "public"})
    assert (other.hooks.after_switch, found.rollout.batch, found.rollout.pause) == (["local: ./tell"], "50%", 1.0)
    assert (app.host.port, app.timeout, app.domains, app.migrate) == (2222, 99, ["c.example"], "123")
    assert (app.tls.upstream, app.tls.staging, other.tls.upstream) == (True, True, False)
    assert found.hosts["new"].address == "203.0.113.3"
    assert names(found.select(["all"])) == ["web-1", "web-2"]


def test_the_sudo_password_is_a_secret_and_no_setting(tmp_path: Path, settings: Load) -> None:
    assert settings(APP).sudo_password is None
    (tmp_path / ".env").write_text("SELVEDGE_SUDO_PASSWORD='from dotenv'\n")
    found = settings(APP)
    assert found.sudo_password is not None
    assert found.sudo_password.get_secret_value() == "from dotenv"
    found = settings(APP, {"SELVEDGE_SUDO_PASSWORD": "hunter2"})
    assert found.sudo_password is not None
    assert found.sudo_password.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{found!r} {found} {found.sudo_password!r} {found.model_dump()}"


def test_tables_in_a_table_are_put_together(settings: Load) -> None:
    text = APP + '[nginx]\nstatic = { "/a" = "a" }\n[hosts.s.nginx]\nstatic = { "/b" = "b" }\n'
    assert settings(text).target("s").nginx.static == {"/a": "a", "/b": "b"}


def test_the_file_is_found_upward_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts.toml").write_text(APP)
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    assert hosts_file(environ={}) == tmp_path / "hosts.toml"
    (tmp_path / "other.toml").write_text(APP)
    assert hosts_file(environ={"SELVEDGE_HOSTS_FILE": "../../other.toml"}) == Path("../../other.toml")
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such file"):
        hosts_file(environ={"SELVEDGE_HOSTS_FILE": "none.toml"})
    (tmp_path / "hosts.toml").unlink()
    with pytest.raises(ConfigError, match="there is none in"):
        hosts_file(environ={})


# The sandbox's hosts


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    hosts = '[hosts.sandbox]\naddress = "10.0.0.2"\nkey = "id"\n[hosts.web-1]\naddress = "10.0.0.3"\n'
    (folder / "hosts.toml").write_text(hosts + '[app]\nname = "ignored"\n')
    return folder


def test_hosts_of_the_sandbox_join_and_lose_to_the_files_own(sandbox: Path, settings: Load) -> None:
    found = settings(TWO)
    assert found.hosts["sandbox"].address == "10.0.0.2"
    assert found.hosts["sandbox"].key == str(sandbox / "id")
    assert found.hosts["web-1"].address == "203.0.113.1"
    assert found.sandbox == {"sandbox"}
    assert names(found.select(["sandbox"])) == ["sandbox"]


@pytest.mark.usefixtures("sandbox")
def test_hosts_of_the_sandbox_are_never_meant_without_a_name_but_listed(settings: Load) -> None:
    with pytest.raises(UsageError, match="no server of its own") as caught:
        settings(APP).select([])
    assert "sandbox" in caught.value.remedy
    assert names(settings(APP + "[hosts.mine]\n").select([])) == ["mine"]


def test_where_the_sandbox_is() -> None:
    assert sandbox_file({"SELVEDGE_SANDBOX_DIR": "/x"}) == Path("/x/hosts.toml")
    assert sandbox_file({"XDG_STATE_HOME": "/s"}) == Path("/s/selvedge/sandbox/hosts.toml")
    assert sandbox_file({}) == Path("~/.local/state/selvedge/sandbox/hosts.toml").expanduser()


# Which host is meant


def test_names_groups_and_addresses_each_once_in_order(settings: Load) -> None:
    found = settings(TWO + '[groups]\nall = ["web-2", "web-1"]\n')
    assert names(found.select(["web-1", "all", "198.51.100.7", "web-1"])) == ["web-1", "web-2", "198.51.100.7"]


@pytest.mark.parametrize(
    ("typed", "address", "user", "bootstrap", "port"),
    [
        ("198.51.100.7", "198.51.100.7", "deploy", "root", None),
        ("host.example.com", "host.example.com", "deploy", "root", None),
        ("host.example.com:2222", "host.example.com", "deploy", "root", 2222),
        ("ubuntu@198.51.100.7:2222", "198.51.100.7", "ubuntu", "ubuntu", 2222),
        ("root@198.51.100.7", "198.51.100.7", "deploy", "root", None),
        ("2001:db8::1", "2001:db8::1", "deploy", "root", None),
        ("[2001:db8::1]:22", "2001:db8::1", "deploy", "root", 22),
        ("me@[2001:db8::1]", "2001:db8::1", "me", "me", None),
        ("me@2001:db8::1", "2001:db8::1", "me", "me", None),
        ("me@build", "build", "me", "me", None),
    ],
)
def test_an_address_is_a_host(
    settings: Load, typed: str, address: str, user: str, bootstrap: str, port: int | None
) -> None:
    found = settings(APP)
    (host,) = found.select([typed])
    assert (host.name, host.address, host.user, host.bootstrap_user, host.port) == (
        typed,
        address,
        user,
        bootstrap,
        port,
    )
    assert found.target(host).host == host


def test_a_login_user_that_is_the_apps_own_is_refused(settings: Load) -> None:
    found = settings(APP)
    (host,) = found.select(["hello@198.51.100.7"])
    with pytest.raises(UsageError, match=r"app\.name must not be the login user hello too"):
        found.target(host)


def test_an_address_that_stands_in_the_file_means_that_host(settings: Load) -> None:
    found = settings(TWO)
    assert names(found.select(["203.0.113.2"])) == ["web-2"]
    (host,) = found.select(["me@web-2:2200"])
    assert (host.name, host.address, host.user, host.port) == ("web-2", "203.0.113.2", "me", 2200)


@pytest.mark.parametrize(
    "typed",
    [
        "wbe-1",
        "-oProxyCommand=x.y",
        "a b.c",
        "x@y@z.c",
        "me@:22",
        "h.c:99999",
        "h.c:x",
        "$(x).y",
        "",
        "a;b.c",
        "Ü@h.c",
        "h.c\n",
    ],
)
def test_anything_else_is_refused_with_the_names_there_are(settings: Load, typed: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        settings(TWO + '[groups]\nall = ["web-1"]\n').select([typed], ssh_config=tmp_path / "none")
    assert caught.value.status == 2
    assert "Hosts: web-1, web-2. Groups: all." in str(caught.value)


def test_a_near_name_is_named(settings: Load, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no host or group 'wbe-1'\. Did you mean web-1"):
        settings(TWO).select(["wbe-1"], ssh_config=tmp_path / "none")


def test_a_bare_word_may_be_a_name_of_ssh_config(settings: Load, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host build db-*\n  HostName 198.51.100.9\nHost *\n  User x\n")
    found = settings(APP)
    assert names(found.select(["build", "db-7"], ssh_config=config)) == ["build", "db-7"]
    with pytest.raises(UsageError):
        found.select(["other"], ssh_config=config)
    config.write_text("this is = no config\n  (((\n")
    with pytest.raises(UsageError):
        found.select(["other"], ssh_config=config)


def test_no_name_means_the_only_host_or_the_marked_ones(settings: Load) -> None:
    assert names(settings(APP + "[hosts.only]\n").select([])) == ["only"]
    marked = APP + "[hosts.a]\n[hosts.b]\ndefault = true\n[hosts.c]\ndefault = true\n"
    assert names(settings(marked).select([])) == ["b", "c"]
    with pytest.raises(UsageError, match=r"not clear which server is meant\. Hosts: web-1, web-2\."):
        settings(TWO).select([])
    with pytest.raises(UsageError, match=r"has no server of its own\..*add a table"):
        settings(APP).select([])


def test_a_share_of_the_servers(settings: Load) -> None:
    def size(batch: str, servers: int) -> int:
        return settings(APP, {"SELVEDGE_ROLLOUT__BATCH": batch}).rollout.batch_size(servers)

    assert [size("25%", servers) for servers in (1, 4, 5, 8)] == [1, 1, 2, 2]
    assert (size("3", 10), size("100%", 7)) == (3, 7)


# The page and the cost


def test_the_reference_page_is_current() -> None:
    from selvedge.reference import reference

    page = (ROOT / "docs/hosts-toml.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m selvedge.reference > docs/hosts-toml.md"


def test_every_setting_is_described_with_an_example_that_is_right(settings: Load) -> None:
    from selvedge.fields import section_of, toml

    for section, field in Settings.model_fields.items():
        model = section_of(field.annotation)
        for key, each in model.model_fields.items() if model else ():
            assert each.description and each.description.endswith((".", ")")), f"{section}.{key}"
            assert each.examples, f"{section}.{key}"
            for example in each.examples:
                tables = {"app": {"name": "hello", "repository": "."}}
                tables.setdefault(section, {})[key] = example
                if key.startswith("certificate"):
                    tables[section] |= {"certificate": "a.pem", "certificate_key": "a.key"}
                text = "".join(
                    f"[{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
                    for name, table in tables.items()
                )
                settings(text)


def test_loading_needs_no_connection_and_no_template(tmp_path: Path) -> None:
    """Every run waits for the settings before the first byte goes to a server."""
    (tmp_path / "hosts.toml").write_text(TWO)
    program = (
        "import sys\nfrom selvedge.load import load\nload().select(['web-1'])\n"
        "print([name for name in ('fabric', 'paramiko', 'jinja2', 'email_validator') if name in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SELVEDGE_SANDBOX_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"


def test_errors_cost_nothing_to_import() -> None:
    program = "import sys, selvedge.errors; print('pydantic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"


def test_the_environment_of_this_machine_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts.toml").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELVEDGE_SANDBOX_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("SELVEDGE_APP__BRANCH", "fix")
    assert load().app.branch == "fix"
