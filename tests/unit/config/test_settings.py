"""The settings of a host: defaults, values that follow from others, paths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from selvedge.config.target import Release
from selvedge.errors import ConfigError, Pending
from selvedge.paths import Paths
from tests.support.paths import ROOT
from tests.unit.config.conftest import Load
from tests.unit.config.examples import APP, names


def test_a_whole_example_loads(settings: Load) -> None:
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


def test_the_shipped_file_loads_with_and_without_its_examples(tmp_path: Path, settings: Load) -> None:
    text = (ROOT / "hosts.toml").read_text(encoding="utf-8")
    plain = settings(text)
    assert (plain.app.name, plain.app.root, plain.hosts) == ("hello", "examples/hello", {})
    live = re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.M)
    assert live.count("\n[") == 6
    found = settings(live)
    assert list(found.hosts) == ["server", "staging"]
    assert found.target("staging").branch == "develop"
    assert found.target("staging").repository_path == tmp_path
    assert names(found.select(["production"])) == ["server"]


def test_defaults(settings: Load) -> None:
    app = settings(APP + "[hosts.s]\n").target("s")
    assert (app.branch, app.module, app.domains, app.workers, app.timeout) == ("main", "main:app", [], None, 30)
    assert (app.worker_class, app.health, app.health_ranges) == ("uvicorn_worker.UvicornWorker", "/", [(200, 399)])
    assert (app.strategy, app.manager, app.installer, app.python_from) == ("beside", "supervisor", "uv", "auto")
    assert (app.host.address, app.host.user, app.host.bootstrap_user, app.host.port) == ("s", "deploy", "root", None)
    assert (app.tls.certbot, app.machine.sudo, app.nginx.max_body) == ("apt", "nopasswd", "10m")
    assert (app.health_host_header, app.repository_path, app.release.commit) == ("localhost", None, "")


def test_a_target_is_frozen_and_gets_its_commit_later(settings: Load) -> None:
    app = settings(APP + "[hosts.s]\n").target("s")
    assert app.releasing(Release(commit="a" * 40)).commit == "a" * 40
    with pytest.raises(Pending):
        _ = app.commit
    with pytest.raises(ValueError, match="frozen"):
        app.branch = "other"
    with pytest.raises(ValueError, match="commit"):
        Release(commit="abc")


def test_health_ranges_and_host_header(settings: Load) -> None:
    text = APP + 'health_status = [200, "300-308"]\ndomains = ["b.example", "a.example"]\n[hosts.s]\n'
    app = settings(text).target("s")
    assert app.health_ranges == [(200, 200), (300, 308)]
    assert app.health_host_header == "b.example"
    assert settings(text, {"SELVEDGE_APP__HEALTH_HOST": "c.example"}).target("s").health_host_header == "c.example"


def test_local_paths_are_relative_to_the_file(tmp_path: Path, settings: Load) -> None:
    app = settings('[app]\nname = "hello"\nrepository = "../my code"\n[hosts.s]\nkey = "keys/id"\n').target("s")
    assert app.repository_path == tmp_path.parent / "my code"
    assert app.local_file("~/x") == Path("~/x").expanduser()
    assert app.local_file("/x") == Path("/x")
    assert app.host.key == str(tmp_path / "keys/id")


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


def test_tables_in_a_table_are_merged(settings: Load) -> None:
    text = APP + '[nginx]\nstatic = { "/a" = "a" }\n[hosts.s.nginx]\nstatic = { "/b" = "b" }\n'
    assert settings(text).target("s").nginx.static == {"/a": "a", "/b": "b"}


def test_a_batch_may_be_a_share_of_the_servers(settings: Load) -> None:
    def size(batch: str, servers: int) -> int:
        return settings(APP, {"SELVEDGE_ROLLOUT__BATCH": batch}).rollout.batch_size(servers)

    assert [size("25%", servers) for servers in (1, 4, 5, 8)] == [1, 1, 2, 2]
    assert (size("3", 10), size("100%", 7)) == (3, 7)


SITE = "[app]\nname = 'hello'\nrepository = '.'\ndomains = ['a.test', '*.a.test']\n[hosts.server]\n"
DNS = "challenge = 'dns'\ndns_plugin = 'cloudflare'"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SITE, "the wildcard *.a.test, for which an authority gives a certificate only over DNS: set challenge"),
        (SITE.replace("'a.test', ", "") + f"[tls]\n{DNS}", "no name but the wildcard *.a.test: add a name"),
        (SITE.replace(", '*.a.test'", "") + "[nginx]\nhttp_port = 8080", "is 8080, but the certificate authority connects to"),
        (SITE.replace("*.a.test", "*.*.test"), "must not contain `*`, except as the first part of a name in app.domains"),
        (SITE + f"[tls]\n{DNS}\n[nginx]\nhttp_port = 443", "http_port and https_port are both 443"),
        (SITE + "[tls]\nchallenge = 'dns'", "dns_plugin is missing"),
        (SITE + "[tls]\ndns_plugin = 'ovh'", "dns_plugin has no effect without challenge"),
        (SITE + f"[tls]\n{DNS}\ncertbot = 'snap'", "cannot both be set"),
        (SITE + f"[tls]\n{DNS}".replace("cloudflare", "aliyun"), "Debian has no plugin aliyun of certbot: set certbot = \"pip\""),
        (SITE + f"[tls]\n{DNS}".replace("cloudflare", "route53") + "\ndns_credentials = 'x'", "as /root/.aws/credentials"),
        (SITE + f"[tls]\n{DNS}".replace("cloudflare", "route53") + "\ndns_propagation = 9", "route53 has no such option"),
        (SITE + f"[tls]\n{DNS}".replace("cloudflare", "route53"), ""),
        (SITE + f"[tls]\n{DNS}\neab_kid = 'x'", "eab_kid needs acme_server"),
        (SITE + f"[tls]\n{DNS}\n[nginx]\nhttp_port = 8080", ""),
        (SITE + f"[tls]\n{DNS}\n[nginx]\nhttps_port = 22", "nginx.https_port is 22, the port of ssh: choose another one"),
        (SITE + f"port = 2222\n[tls]\n{DNS}\n[nginx]\nhttp_port = 2222", "nginx.http_port is 2222, the port of ssh"),
        (SITE + f"port = 2222\n[tls]\n{DNS}\n[nginx]\nhttp_port = 22", ""),
        (SITE + "[tls]\nupstream = true\n[nginx]\nhttp_port = 8080", ""),
        (SITE + "[tls]\ncertificate = 'x'\ncertificate_key = 'x'\n[nginx]\nhttp_port = 8080", ""),
    ],
)
def test_ports_wildcards_and_challenges_go_together(settings: Load, text: str, said: str) -> None:
    if not said:
        settings(text)
        return
    with pytest.raises(ConfigError) as caught:
        settings(text)
    assert said in str(caught.value), str(caught.value)
