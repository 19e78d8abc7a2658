"""The address of an app: other sites that have it, and the request that proves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.nginx.sites import ServerNamesFree, site_check
from selvedge.shell.quoting import assign, quote
from tests.hosts.scripts.resources.sites import A, B, sites
from tests.support.libraries import functions

IP = 'printf "1: lo inet 127.0.0.1/8 x\\n2: e inet 10.0.0.5/24 x\\n2: e inet6 2001:db8::5/64 x\\n"'


@pytest.mark.parametrize(("text", "domains", "expected"), [
    # The announced address, which NAT translates, and the server's own ones.
    ("listen 80; server_name 203.0.113.10;", (), f"already answers for 203.0.113.10: {B}"),
    ("listen 80; server_name old.test 10.0.0.5;", (), f"already answers for 10.0.0.5: {B}"),
    ("listen [::]:80; server_name [2001:db8::5];", (), ""),
    ("listen 80; server_name 192.0.2.9;", (), ""),
    ("listen 8080; server_name 203.0.113.10;", (), ""),
    ("listen 80; server_name 203.0.113.10;", ("a.test",), ""),
    # nginx asks only the sites that listen on an address, if there are any.
    ("listen 10.0.0.5:80; server_name x.test;", (), f"gets all requests to 10.0.0.5: {B} listens on this address"),
    ("listen 10.0.0.5; server_name x.test;", ("a.test",), f"gets all requests to 10.0.0.5: {B} listens on this address"),
    ("listen [2001:db8::5]:80; server_name x.test;", ("a.test",), "gets all requests to 2001:db8::5"),
    ("listen 10.0.0.5:8080; server_name x.test;", ("a.test",), ""),
    ("listen 127.0.0.1:80; server_name status.test;", ("a.test",), ""),
    ("listen 10.0.0.9:80; server_name x.test;", ("a.test",), ""),
])  # fmt: skip
def test_a_site_that_has_the_address_is_named(server: Any, text: str, domains: tuple[str, ...], expected: str) -> None:
    server.program("ip", f'case $* in *global*) {IP} | grep -v " lo " ;; *) {IP} ;; esac')
    sites(server, b=f"server {{ {text} }}\n")
    planned = server.plan(ServerNamesFree(domains, (A,), "203.0.113.10"))
    assert bool(planned) is bool(expected)
    if expected:
        assert expected in server.apply(planned).error


# The answers of nginx, by URL, and of the live socket.
CURL = """
url= socket= format=
while [ $# -gt 0 ]; do
  case $1 in --unix-socket) socket=1 ;; -w) format=$2; shift ;; --connect-to) echo "$2" >>/opt/connected; shift ;;
    http*) url=$1 ;; esac
  shift
done
if [ "$socket" ]; then printf '%s' DIRECT; exit 0; fi
answer=$(grep -F -- "$url " /opt/answers | head -n 1)
set -- $answer
if [ -z "$answer" ]; then printf '000 '; exit 7; fi
if [ "$format" ]; then printf '%s %s' "$2" "$4"; else printf 'HTTP/1.1 %s x\\r\\nX-Release: %s\\r\\n\\r\\n' "$2" "$3"; fi
"""
HTTP, HTTPS = "http://203.0.113.10/health", "https://203.0.113.10/health"


def check(server: Any, app: Target, answers: str, direct: str = "200") -> Any:
    server.program("ip", f'case $* in *route*) echo "192.0.2.1 dev e src 10.0.0.5 uid 0" ;; *) {IP} ;; esac')
    server.program("curl", CURL.replace("DIRECT", direct))
    server.path("/opt/answers").write_text(answers)
    server.path("/srv/hello").mkdir(parents=True, exist_ok=True)
    if not server.path("/srv/hello/live.sock").is_symlink():
        server.path("/srv/hello/live.sock").symlink_to("/run/hello/new.sock")
    names = assign(mark="@test")
    script = f"{names}\n{functions('request', 'step')}\nset -eu\n{site_check(app)}\necho passed"
    return server.run(script).stdout.decode()


@pytest.mark.parametrize(("answers", "said"), [
    (f"{HTTP} 200 new\n", "passed\n"),
    # The app fails, but it is the app.
    (f"{HTTP} 500 new\n", "passed\n"),
    (f"{HTTP} 200\n", f"GET {HTTP}, the address of the app, shows another site: it answered 200, not from the live release new."),
    (f"{HTTP} 200 old\n", "it answered 200 from release old, not from the live release new."),
    ("", f"GET {HTTP}, the address of the app, gets no answer on the server."),
    (f"{HTTP} 307 new {HTTPS}\n", f"GET {HTTP} redirects visitors to {HTTPS}, where nothing answers. The app itself"),
    (f"{HTTP} 307 new {HTTP}/\n{HTTP}/ 307 new {HTTP}\n", f"GET {HTTP} redirects visitors without end, at last to {HTTP}"),
    (f"{HTTP} 307 new {HTTP}/login\n{HTTP}/login 200 new\n", "passed\n"),
    (f"{HTTP} 302 new https://login.example.com/?next=http://203.0.113.10/\n", "passed\n"),
    (f"{HTTP} 302 new http://203.0.113.10:8000/x\n", "to http://203.0.113.10:8000/x, where nothing answers. Correct"),
])  # fmt: skip
def test_the_announced_address_must_show_the_live_release(
    server: Any, target: Callable[..., Target], answers: str, said: str
) -> None:
    found = check(server, target(health="/health"), answers)
    assert found == said if said == "passed\n" else said in found and "passed" not in found


def test_without_the_header_the_answers_must_be_alike(server: Any, target: Callable[..., Target]) -> None:
    app = target(health="/health", release_header=False)
    assert check(server, app, f"{HTTP} 204\n", direct="204") == "passed\n"
    assert "shows another site: it answered 404" in check(server, app, f"{HTTP} 404\n", direct="204")


def test_a_load_balancer_follows_redirects_to_https(server: Any, target: Callable[..., Target]) -> None:
    app = target(health="/health", domains=["a.test"], tls={"upstream": True})
    assert check(server, app, "http://a.test/health 307 new https://a.test/health\n") == "passed\n"


def test_before_there_is_a_certificate_https_is_not_expected(server: Any, target: Callable[..., Target]) -> None:
    app = target(health="/health", domains=["a.test"])
    answers = "http://a.test/health 307 new https://a.test/health\n"
    assert check(server, app, answers) == "passed\n"
    tls = server.path("/etc/nginx/sites-enabled/hello-tls")
    tls.parent.mkdir(parents=True)
    tls.write_text("server {\n    server_name a.test www.a.test;\n}\n")
    assert check(server, app, "https://a.test/health 200 new\n") == "passed\n"
    lost = "https://a.test/health 307 new https://a.test:8443/health\n"
    assert "redirects visitors to https://a.test:8443/health" in check(server, app, lost)
    # The certificate has the old names until the next step.
    tls.write_text("server {\n    server_name old.test www.old.test;\n}\n")
    assert check(server, app, "https://old.test/health 200 new\n") == "passed\n"


@pytest.mark.parametrize(("resolved", "said"), [
    ("10.0.0.5 STREAM www.a.test", "redirects visitors to https://www.a.test/health, where nothing answers. Correct the redirect "
     "in the app or, if it leads to another name of the app, add that name to app.domains"),
    ("198.51.100.7 STREAM www.a.test", "passed\n"),
    ("", "passed\n"),
])  # fmt: skip
def test_a_redirect_to_a_name_of_this_server_is_followed(
    server: Any, target: Callable[..., Target], resolved: str, said: str
) -> None:
    """The app prefers www, which its site does not have."""
    tls = server.path("/etc/nginx/sites-enabled/hello-tls")
    tls.parent.mkdir(parents=True)
    tls.write_text("server {\n    server_name a.test;\n}\n")
    server.program("getent", f"echo '{resolved}'")
    app, answer = target(health="/health", domains=["a.test"]), "https://a.test/health 301 new https://www.a.test/health\n"
    assert said in check(server, app, answer)
    assert check(server, app, f"{answer}https://www.a.test/health 200 new\n") == "passed\n"


# What `nginx -T` prints of other files.
OTHERS = {
    "/etc/nginx/nginx.conf": "http {\n  server { listen 80; server_name 'A.test'; }\n include vhosts/*; # server_name a.test;\n}",
    "/etc/nginx/vhosts/old": "server {\n\tlisten 10.0.0.5:443 ssl;\n}\nserver { server_name\n  x.test a.test y.test; listen 80; }",
    "/srv/my.conf": "server { listen 80 default_server; }\nserver { listen 80; server_name 203.0.113.10; }",
    "/etc/nginx/sites-enabled/b": "server { listen 80; server_name b.test; }",
}


@pytest.mark.parametrize(("domains", "read", "cause"), [
    (["a.test"], True, "Look for it in /etc/nginx/nginx.conf, /etc/nginx/vhosts/old: remove"),
    (["c.test"], True, "Look for it in /etc/nginx/vhosts/old: remove"),
    ([], True, "Look for it in /etc/nginx/vhosts/old, /srv/my.conf: remove"),
    ([], False, "nginx does not read /etc/nginx/sites-enabled/hello. In the http block of /etc/nginx/nginx.conf, replace"),
])  # fmt: skip
def test_the_files_with_another_site_are_named_wherever_they_are(
    server: Any, target: Callable[..., Target], domains: list[str], read: bool, cause: str
) -> None:
    own = {"/etc/nginx/sites-enabled/hello": f"server {{ server_name {domains[0] if domains else '_'}; }}"} if read else {}
    sites(server, hello=f"server {{\n    server_name {domains[0] if domains else '_'};\n}}\n")
    text = "".join(f"# configuration file {path}:\n{lines}\n\n" for path, lines in {**OTHERS, **own}.items())
    server.path("/opt/configuration").write_text(text)
    server.program("nginx", "cat /opt/configuration")
    url = f"http://{domains[0] if domains else '203.0.113.10'}/health"
    for answers in (f"{url} 200 old\n", ""):
        assert cause in check(server, target(health="/health", domains=domains), answers)


def test_the_request_comes_as_visitors_requests_do(server: Any, target: Callable[..., Target]) -> None:
    for address, wanted in (("10.0.0.5", "::10.0.0.5:"), ("203.0.113.10", "::10.0.0.5:"), ("2001:db8::5", "::[2001:db8::5]:")):
        shown = f"[{address}]" if ":" in address else address
        check(server, target(health="/health", host={"address": address}), f"http://{shown}/health 200 new\n")
        assert set(server.path("/opt/connected").read_text().split()) == {wanted}
        server.path("/opt/connected").unlink()


def test_a_site_without_a_live_release_is_not_asked(server: Any, target: Callable[..., Target]) -> None:
    server.path("/srv/hello").mkdir(parents=True)
    script = f"mark={quote('@test')}\n{functions('request', 'step')}\nset -eu\n{site_check(target())}\necho passed"
    assert server.run(script).stdout == b"passed\n"
