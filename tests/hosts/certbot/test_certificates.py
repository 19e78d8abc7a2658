"""HTTPS with certificates from pebble, a real ACME authority on this machine."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from https_site import NAME, WWW, RateLimited, Site, Watched, gateway, in_files, rate_limited_authority, request, served
from lab import Lab, Project, until

KID, KEY = "kid-1", "c4nary-zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsxx"


def test_deploy_with_a_domain_serves_https(made: Site) -> None:
    assert made.certificate()["subjectAltName"] == (("DNS", NAME),)
    assert made.get("/health").status == 200
    answer = made.plain("/some/path?x=1")
    assert (answer.status, answer.getheader("Location")) == (301, f"https://{NAME}/some/path?x=1")
    again = made.must("deploy")
    assert "deploy: nothing to change" in again.stdout, again


def test_the_app_sees_https(site: Site) -> None:
    seen = json.loads(site.get("/client").body)  # type: ignore[attr-defined]
    assert (seen["client"], seen["scheme"]) == (gateway(site.server), "https")


def test_the_headers_that_scanners_of_websites_ask_for(site: Site) -> None:
    # With these, Mozilla's HTTP Observatory gives A+ (docs/how-to/security-headers.md).
    site.configure(NAME, tls="hsts = 31536000")
    site.must("certbot")
    pages = {path: site.get(path) for path in ("/", "/docs", "/static/style.css", "/nowhere")}
    sent = {path: answer.getheader("Content-Security-Policy") or "" for path, answer in pages.items()}
    assert "unsafe" not in sent["/"] and "default-src 'self'" in sent["/"] and sent["/"] == sent["/nowhere"], sent
    assert "https://cdn.jsdelivr.net" in sent["/docs"], sent
    expected = {
        "Strict-Transport-Security": "max-age=31536000", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "strict-origin-when-cross-origin", "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    }  # fmt: skip
    for path, answer in pages.items():
        assert {name: answer.getheader(name) for name in expected} == expected, path
        assert (answer.getheader("Permissions-Policy") or "").startswith("camera=(self), ")


def test_http2_and_only_modern_protocols(site: Site) -> None:
    def handshake(*options: str) -> str:
        command = ["openssl", "s_client", "-connect", f"{site.server.address}:443", "-servername", NAME, *options]
        done = subprocess.run(command, input=b"", capture_output=True, check=False)
        return done.stdout.decode("ascii", "replace")

    assert "ALPN protocol: h2" in handshake("-alpn", "h2")
    assert "Cipher is (NONE)" in handshake("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in handshake("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
    assert "Cipher is ECDHE" in handshake("-tls1_2")


def test_the_nginx_task_keeps_https(site: Site) -> None:
    before = site.serial()
    site.server.run("echo 'brokn; # a hand-made change' >>/etc/nginx/sites-available/hello")
    assert "write /etc/nginx/sites-available/hello" in site.must("nginx").stdout
    assert site.serial() == before
    kept = site.server.run("cat /var/backups/selvedge/etc/nginx/sites-available/hello.*").stdout
    assert "# a hand-made change" in kept
    site.repeat_changes_nothing()


def test_a_new_domain_extends_the_certificate(site: Site) -> None:
    before = site.serial()
    site.configure(NAME, WWW)
    result = site.must("nginx", "certbot")
    assert f"get a new certificate with {WWW}" in result.stdout
    assert {name for _, name in site.certificate(WWW)["subjectAltName"]} == {NAME, WWW}  # type: ignore[attr-defined]
    assert site.serial() != before
    assert site.plain("/", WWW).getheader("Location") == f"https://{WWW}/"
    site.repeat_changes_nothing()


def test_the_timer_renews_and_nginx_serves_the_new_certificate(site: Site) -> None:
    assert site.server.run("systemctl is-enabled certbot.timer; systemctl is-active certbot.timer").stdout == "enabled\nactive\n"
    before = site.serial()
    site.renew()
    until(lambda: site.serial() != before, 10, "nginx shows the new certificate")
    site.repeat_changes_nothing()


def test_a_renewed_certificate_that_nginx_did_not_load_is_reported_and_loaded(site: Site) -> None:
    before = site.serial()
    site.server.run("echo 'server { broken }' >/etc/nginx/sites-enabled/zz")
    site.renew()
    site.server.run("rm /etc/nginx/sites-enabled/zz")
    assert site.serial() == before, "certbot's hook could not reload nginx"
    status = site.fab("status")
    assert status.status == 1 and "nginx still serves an older certificate on port 443, valid until " in status.stdout, status
    assert "reload nginx, which serves an old certificate, valid until " in site.must("certbot").stdout
    assert site.serial() != before
    assert "on port 443" not in site.must("status").stdout
    site.repeat_changes_nothing()


def test_renew_dry_run(site: Site) -> None:
    before = site.serial()
    result = site.must("certbot", "--renew-dry-run")
    assert "all simulated renewals succeeded" in result.stdout
    assert site.serial() == before
    site.server.run("mv /var/www/letsencrypt /var/www/away && ln -s /nowhere /var/www/letsencrypt")
    try:
        failed = site.fab("certbot", "--renew-dry-run")
    finally:
        site.server.run("rm /var/www/letsencrypt && mv /var/www/away /var/www/letsencrypt")
    assert (failed.status, "the test of the certificate's renewal failed" in failed.stderr) == (1, True), failed


def test_a_domain_that_points_elsewhere_is_reported_before_the_authority_is_asked(site: Site) -> None:
    site.name("other.test", address=gateway(site.server))
    before, asked = site.serial(), site.asked()
    site.configure(NAME, "other.test", "nowhere.test")
    result = site.fab("nginx", "certbot")
    assert result.status == 1, result
    assert f"other.test resolves to {gateway(site.server)}, not to this server ({site.server.address})" in result.stderr
    assert "nowhere.test has no address in DNS" in result.stderr
    assert "Traceback" not in result.stderr
    assert site.asked() == asked
    assert (site.serial(), site.get("/health").status) == (before, 200)


def test_a_failed_validation_is_reported_in_the_authoritys_words(site: Site) -> None:
    site.server.run(f"ufw insert 1 deny from {gateway(site.server)} to any port 80 proto tcp")
    try:
        site.configure(NAME, WWW)
        result = site.fab("nginx", "certbot")
    finally:
        site.server.run("ufw --force delete 1")
    assert result.status == 1, result
    assert "could not verify the domains: " in result.stderr
    assert "provider's firewall" in result.stderr
    assert site.get("/health").status == 200


def test_an_authority_that_does_not_answer_changes_nothing(site: Site) -> None:
    before = site.serial()
    site.configure(NAME, authority=f"https://{gateway(site.server)}:1/dir")
    result = site.fab("certbot")
    assert result.status == 1, result
    assert "certbot could not get a certificate: " in result.stderr
    assert (site.serial(), site.get("/health").status) == (before, 200)


def test_a_rate_limit_is_reported_after_one_order(site: Site) -> None:
    before = site.serial()
    with rate_limited_authority(site) as authority:
        site.configure(NAME, authority=authority)
        result = site.fab("certbot")
    assert result.status == 1, result
    assert f"issues no more certificates for now: {RateLimited.DETAIL}" in " ".join(result.stderr.split()), result
    assert RateLimited.orders == 1
    assert (site.serial(), site.get("/health").status) == (before, 200)


def test_a_broken_file_of_another_site_is_named_and_nothing_changes(site: Site) -> None:
    before = site.asked()
    site.server.run("echo 'server { listen 81; brokn; }' >/etc/nginx/sites-enabled/zz")
    try:
        site.configure(NAME, WWW)
        result = site.fab("certbot")
    finally:
        site.server.run("rm /etc/nginx/sites-enabled/zz")
    assert result.status == 1, result
    assert 'unknown directive "brokn" in /etc/nginx/sites-enabled/zz:1' in result.stderr
    assert site.asked() == before
    assert site.get("/health").status == 200


def test_a_deleted_certificate_is_requested_again(site: Site) -> None:
    site.server.run("certbot delete --non-interactive --cert-name hello")
    assert "get a certificate for hello.test" in site.must("certbot").stdout
    assert site.get("/health").status == 200
    site.repeat_changes_nothing()


def test_your_own_certificate(site: Site, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext",
         f"subjectAltName=DNS:{NAME}", "-keyout", "own.key", "-out", "own.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    files = f"certificate = {json.dumps(str(tmp_path / 'own.pem'))}\ncertificate_key = {json.dumps(str(tmp_path / 'own.key'))}"
    site.configure(NAME, tls=files)
    secret = (tmp_path / "own.key").read_text().splitlines()[3]
    for words in (["certbot", "--dry-run"], ["certbot", "--script"], ["certbot"]):
        result = site.must(*words)
        assert secret not in result.stdout + result.stderr
    assert served(site.server, tmp_path / "own.pem", NAME)["subjectAltName"] == (("DNS", NAME),)
    assert site.server.run("stat -c '%a %U' /etc/selvedge/hello/certificate.pem").stdout == "600 root\n"
    assert site.server.run(f"grep -rlF -e {secret} /var/log || true").stdout == ""
    site.repeat_changes_nothing()
    site.configure(NAME)
    site.must("certbot")
    assert site.certificate()["subjectAltName"] == (("DNS", NAME),)
    assert site.server.run("ls /etc/selvedge/hello").stdout == "acme-ca.pem\n", "the unused key is deleted"


def test_without_a_domain_the_site_is_plain_http_again(site: Site) -> None:
    site.configure()
    assert "remove the HTTPS site" in site.must("nginx", "certbot").stdout
    assert request(site.server, "/health", site.server.address).status == 200
    until(site.refuses_https, 10, "port 443 is closed")  # nginx's old workers keep it open until the reload reaches them.
    site.repeat_changes_nothing()
    # Another program may use port 443 before the next certificate.
    files = "find /etc/nginx /etc/letsencrypt /etc/selvedge -type f | sort"
    before, asked = site.server.run(files).stdout, site.asked()
    site.server.run("""systemd-run --quiet --unit=squatter python3 -m http.server 443
        until ss -Hltn | grep -q ':443 '; do sleep 0.1; done""")
    site.configure(NAME)
    result = site.fab("certbot")
    site.server.run("systemctl stop squatter")
    assert result.status == 1 and "Port 443, which nginx needs, is in use by python3 (process " in result.stderr, result
    assert "sudo systemctl disable --now squatter" in result.stderr
    assert (site.server.run(files).stdout, site.asked()) == (before, asked)


@pytest.mark.thorough
def test_an_expired_certificate_is_renewed(site: Site, pebble_of: object) -> None:
    brief = Site(site.server, site.project, pebble_of(site.server, lifetime=20))  # type: ignore[operator]
    brief.name(NAME)
    brief.configure(NAME)
    brief.must("certbot")
    before = brief.serial()
    time.sleep(21)
    with pytest.raises(ssl.SSLCertVerificationError):
        brief.certificate()
    assert "renew the certificate, which has expired" in brief.must("certbot").stdout
    assert brief.serial() != before
    site.name(NAME)


@pytest.mark.thorough
def test_an_authority_that_wants_an_account(site: Site, pebble_of: object) -> None:
    strict = Site(site.server, site.project, pebble_of(site.server, accounts={KID: KEY}))  # type: ignore[operator]
    strict.name(NAME)
    strict.configure(NAME)
    refused = strict.fab("certbot")
    assert refused.status == 1 and "set eab_kid under [tls] in hosts.toml, and SELVEDGE_EAB_HMAC_KEY" in refused.stderr, refused
    strict.configure(NAME, tls=f'eab_kid = "{KID}"')
    missing = strict.fab("certbot")
    assert missing.status == 2 and "the HMAC key of kid-1 is missing (tls.eab_kid)" in missing.stderr, missing
    (site.project.folder / ".env").write_text(f"SELVEDGE_EAB_HMAC_KEY={KEY[::-1]}\n")
    wrong = strict.fab("certbot")
    assert wrong.status == 1, wrong.stderr
    assert "exactly as the authority shows them" in wrong.stderr and KEY[::-1] not in wrong.stderr, wrong.stderr
    (site.project.folder / ".env").write_text(f"SELVEDGE_EAB_HMAC_KEY={KEY}\n")
    assert KEY not in strict.must("certbot", "--script").stdout
    with Watched(site.server) as watched:
        done = strict.must("certbot")
    seen = watched.text
    assert "certbot certonly" in seen and KEY not in seen
    assert KEY not in done.stdout + done.stderr and not in_files(site.server, KEY)
    before = strict.serial()
    strict.repeat_changes_nothing()
    strict.renew()
    until(lambda: strict.serial() != before, 10, "nginx shows the renewed certificate")
    strict.must("certbot", "--renew-dry-run")
    (site.project.folder / ".env").unlink()
    site.name(NAME)


@pytest.mark.thorough
def test_debian_13_with_certbot_from_pip(lab: Lab, project: Project, pebble_of: object) -> None:
    server = lab.server("ready", "trixie")
    site = Site(server, project, pebble_of(server))  # type: ignore[operator]
    site.name(NAME)
    site.configure(NAME, tls='certbot = "pip"')
    site.must("install", "nginx", "certbot")
    assert site.certificate()["subjectAltName"] == (("DNS", NAME),)
    assert "[warn]" not in server.run("nginx -t 2>&1").stdout
    assert "active" in server.run("systemctl is-active selvedge-certbot.timer").stdout
    site.repeat_changes_nothing()


def test_certbot_on_a_bare_server_names_the_task_to_run_first(lab: Lab, project: Project) -> None:
    server = lab.server("bare")
    project.configure("", domains=[NAME])
    result = project.fab("-H", server.name, "certbot")
    assert result.status == 1, result
    assert f"Run `fab -H {server.name} nginx` first" in result.stderr
    project.configure("")
    assert "certbot: nothing to change" in project.must("-H", server.name, "certbot").stdout
