"""Several sites on one nginx. Each test starts from the state that the previous one left."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import Project
from nginx_site import FOLDERS, ask, exists, status
from sandbox import Server

DEFAULT = "/etc/nginx/conf.d/selvedge-default.conf"
DEFAULT_TLS = "/etc/nginx/conf.d/selvedge-default-tls.conf"


def configure(project: Project, name: str, text: str = "", **app: object) -> None:
    project.configure(text, name=name, **app)


def test_an_app_with_a_domain_and_one_without_coexist(server: Server, project: Project) -> None:
    for _ in range(2):
        configure(project, "other", domains=["other.test"])
        other = project.must("-H", server.name, "nginx")
        configure(project, "hello", FOLDERS)
        assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout
    assert "nginx: nothing to change" in other.stdout
    assert not exists(server, DEFAULT), "the app that answers by address is the default"
    server.run("nginx -t")
    assert status(ask(server, "/health", "unknown.test")) == 200


def test_a_second_app_without_a_domain_is_refused(server: Server, project: Project) -> None:
    configure(project, "third")
    failed = project.fab("-H", server.name, "nginx")
    assert failed.status == 1
    assert "already answers requests by address: /etc/nginx/sites-enabled/hello" in failed.stderr, failed
    assert not exists(server, "/etc/nginx/sites-enabled/third")


def test_a_domain_of_another_site_is_refused(server: Server, project: Project) -> None:
    configure(project, "third", domains=["new.test", "other.test"])
    failed = project.fab("-H", server.name, "nginx")
    assert failed.status == 1
    assert "already answers for other.test: /etc/nginx/sites-enabled/other" in failed.stderr


def test_unknown_domains_get_no_answer_once_every_app_has_a_domain(server: Server, project: Project) -> None:
    configure(project, "hello", FOLDERS, domains=["hello.test"])
    refused = project.fab("-H", server.name, "nginx")
    assert refused.status == 1 and "The site keeps its present names. hello.test has no address in DNS" in refused.stderr
    assert status(ask(server, "/health", server.address)) == 200
    server.run(f"echo '{server.address} hello.test' >>/etc/hosts")
    project.must("-H", server.name, "nginx")
    # Until `certbot` has the certificate, the app answers at its address, too.
    assert status(ask(server, "/health", server.address)) == 200
    server.run("sed -i '/ hello.test$/d' /etc/hosts")
    configure(project, "hello", FOLDERS + "[tls]\nupstream = true\n", domains=["hello.test"])
    project.must("-H", server.name, "nginx")
    assert exists(server, DEFAULT)
    assert status(ask(server, "/health", "hello.test")) == 200
    for host in ("unknown.test", server.address, "x" * 4000):
        assert ask(server, "/health", host) == b"", host
    configure(project, "other", domains=["other.test"])
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout


def test_the_app_answers_during_ten_thousand_requests_for_unknown_domains(server: Server) -> None:
    def flood(first: int) -> int:
        return sum(ask(server, "/", f"h{number}.test") == b"" for number in range(first, first + 2500))

    with ThreadPoolExecutor(4) as pool:
        floods = [pool.submit(flood, first) for first in range(0, 10000, 2500)]
        while not all(each.done() for each in floods):
            assert status(ask(server, "/health", "hello.test")) == 200
            time.sleep(0.1)
    assert [each.result() for each in floods] == [2500] * 4


def test_unknown_domains_get_no_tls_handshake(server: Server, project: Project) -> None:
    certificate(project, "hello.test")
    tls = '[tls]\ncertificate = "own.pem"\ncertificate_key = "own.key"\n'
    configure(project, "hello", FOLDERS + tls, domains=["hello.test"])
    project.must("-H", server.name, "certbot")
    assert exists(server, DEFAULT_TLS)
    assert "certbot: nothing to change" in project.must("-H", server.name, "certbot").stdout
    assert handshake(server, "hello.test") in ("TLSv1.3", "TLSv1.2")
    for name in ("unknown.test", None):
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name|alert"):
            handshake(server, name)
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(server, "hello.test", newest=ssl.TLSVersion.TLSv1_1)
    # The default server for TLS is removed with the last app that has TLS.
    configure(project, "other", "[tls]\nupstream = true\n", domains=["other.test"])
    assert "certbot: nothing to change" in project.must("-H", server.name, "certbot").stdout
    configure(project, "hello", FOLDERS + "[tls]\nupstream = true\n", domains=["hello.test"])
    project.must("-H", server.name, "certbot")
    assert not exists(server, DEFAULT_TLS)
    server.run("nginx -t")


@staticmethod
def certificate(project: Project, name: str) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", "own.key", "-out", "own.pem"],
        cwd=project.folder, check=True, capture_output=True)  # fmt: skip


@staticmethod
def handshake(server: Server, name: str | None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
    with (
        socket.create_connection((server.address, 443), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=name) as secured,
    ):
        return str(secured.version())


def test_a_default_server_of_another_site_is_kept(server: Server, project: Project) -> None:
    configure(project, "other", domains=["other.test"])
    mine = "server { listen 80 default_server; server_name _; return 418; }"
    server.run(f"rm {DEFAULT}; echo '{mine}' >/etc/nginx/sites-enabled/mine; systemctl reload nginx")
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout
    assert status(ask(server, "/", "unknown.test")) == 418
    assert not exists(server, DEFAULT)
    server.run("rm /etc/nginx/sites-enabled/mine")
    project.must("-H", server.name, "nginx")
    assert exists(server, DEFAULT)


def test_a_broken_file_of_another_site_stops_the_run_before_any_change(server: Server, project: Project) -> None:
    server.run("echo 'server { broken }' >/etc/nginx/sites-enabled/zz; rm -f /var/lib/selvedge/loaded/nginx-other")
    configure(project, "other", "[nginx]\nmax_body = \"7m\"\n", domains=["other.test"])
    failed = project.fab("-H", server.name, "nginx")
    assert failed.status == 1
    assert "nginx rejects its current configuration, so nothing was changed" in failed.stderr
    assert "[emerg]" in failed.stderr and "/etc/nginx/sites-enabled/zz" in failed.stderr
    assert server.run("cat /etc/nginx/sites-enabled/zz").stdout == "server { broken }\n"
    server.run("rm /etc/nginx/sites-enabled/zz")
    assert "7m" not in server.run("cat /etc/nginx/snippets/other.conf").stdout


def test_a_reload_that_nginx_abandons_fails_and_is_repeated_by_the_next_run(server: Server, project: Project) -> None:
    """A port that another program holds: `nginx -t` and `systemctl reload` still succeed."""
    server.run("systemd-run --unit holder python3 -m http.server 8081; until ss -Hltn | grep -q ':8081 '; do sleep 0.1; done\n"
               "echo 'server { listen 8081; server_name theirs.test; }' >/etc/nginx/sites-enabled/zz; nginx -t")  # fmt: skip
    configure(project, "other", "[nginx]\nmax_body = \"6m\"\n", domains=["other.test"])
    failed = project.fab("-H", server.name, "nginx")
    assert failed.status == 1 and "keeps the previous one: bind() to 0.0.0.0:8081 failed" in failed.stderr, failed
    assert "6m" not in server.run("cat /etc/nginx/snippets/other.conf").stdout
    assert status(ask(server, "/health", "hello.test")) == 200
    server.run("systemctl stop holder; rm /etc/nginx/sites-enabled/zz")
    assert "reload nginx" in project.must("-H", server.name, "nginx").stdout
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout


def test_the_run_waits_until_the_new_workers_answer(server: Server, project: Project) -> None:
    """An open connection keeps an old worker alive, which accepts no new connections."""
    with socket.create_connection((server.address, 80), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: hello.test\r\n")
        for name, other in (("first.test", "second.test"), ("second.test", "first.test")):
            configure(project, "hello", FOLDERS + "[tls]\nupstream = true\n", domains=["hello.test", name])
            project.must("-H", server.name, "nginx")
            for _ in range(20):
                assert (status(ask(server, "/health", name)), ask(server, "/health", other)) == (200, b"")


def test_a_template_that_nginx_refuses_is_undone(server: Server, project: Project) -> None:
    template = project.folder / "templates/nginx/site.conf.j2"
    before = template.read_text()
    template.write_text(before.replace("server_tokens off;", "server_tokens perhaps;"))
    configure(project, "other", domains=["other.test"])
    failed = project.fab("-H", server.name, "nginx")
    template.write_text(before)
    assert failed.status == 1 and 'invalid value "perhaps"' in failed.stderr, failed
    assert "server_tokens off" in server.run("cat /etc/nginx/sites-available/other").stdout
    server.run("nginx -t")
