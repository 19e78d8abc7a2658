"""Two apps under one name: which paths are free, and whose certificate an app with a path has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selvedge.resources.files import File
from selvedge.resources.nginx.paths import (
    FormerLocationsRemoved,
    LeftCertificates,
    PathsFree,
    SharedCertificate,
    SharedTlsSite,
    locations,
)
from selvedge.resources.nginx.sites import parse

FOLDER = "/etc/nginx/selvedge/sites/a.test"
INCLUDED = f"include {FOLDER}/*.conf"
SHOP = "file /etc/nginx/sites-enabled/shop\nserver {\nlisten 80\nserver_name a.test\ninclude /etc/nginx/snippets/shop.conf\n"
SHOP += INCLUDED
HAND_MADE = "file /etc/nginx/sites-enabled/mine\nserver {\nlisten 80\nserver_name a.test www.a.test"
BLOG = "file /etc/nginx/conf.d/00-selvedge-blog.conf\nserver {\nlisten 80\nserver_name ~^a\\.test$\n" + INCLUDED
BY_ADDRESS = "file /etc/nginx/sites-enabled/shop\nserver {\nlisten 80 default_server\nserver_name _\n"
OWN = ("/etc/nginx/sites-enabled/api", f"{FOLDER}/api.conf")
NAMELESS = PathsFree((), ("/etc/nginx/selvedge/sites/_",), ("^~ /api/", "= /api"), (), "/api")
API = PathsFree(("a.test",), (FOLDER,), ("^~ /api/", "= /api"), OWN, "/api")


@pytest.mark.parametrize(
    ("paths", "sites", "found", "said"),
    [
        (API, "", "", ""),
        (API, SHOP, f"{FOLDER}/api.conf:location = /api {{", ""),
        (API, SHOP, f"{FOLDER}/blog.conf:location ^~ /api/v2/ {{", ""),
        (API, BLOG, f"{FOLDER}/blog.conf:location ^~ /api/ {{", "blog, already has the path /api/"),
        (API, SHOP, '/etc/nginx/snippets/shop.conf:location ^~ "/api/" {', "shop, already has the path /api/"),
        (API, SHOP, '/etc/nginx/snippets/shop.conf:location = "/api" {', "shop, already has the path /api:"),
        (API, SHOP, '/etc/nginx/snippets/other.conf:location ^~ "/api/" {', ""),
        (API, HAND_MADE, "", f"for a.test passes no paths on: /etc/nginx/sites-enabled/mine. | add the line `{INCLUDED};`"),
        (NAMELESS, BY_ADDRESS, "", "address passes no paths"),
        (NAMELESS, SHOP, "", ""),
        (replace(API, path="", own=()), HAND_MADE, f"{FOLDER}/blog.conf:location = /api {{", "blog, already has the path /api:"),
    ],
)
def test_a_path_belongs_to_one_app(paths: PathsFree, sites: str, found: str, said: str) -> None:
    change = paths.plan(f"{sites}\n\n--\n{found}\n")
    shown = f"{change.shell} | {change.remedy}" if change else ""
    assert bool(change) is bool(said) and all(part in shown for part in said.split(" | ")), shown


def test_the_first_block_for_paths_of_the_address_is_a_default() -> None:
    (block,) = parse("file /x\nserver {\nlisten 80\nserver_name _api\ninclude /etc/nginx/selvedge/sites/_/*.conf")
    assert block.is_default(80) and not block.is_default(443) and not block.defaults


def test_locations_of_a_file() -> None:
    text = 'location = "/old" {\n}\nlocation ^~ /api/ {\n    location ~ /\\. {\n    }\n}\nlocation / {\nlocation @app {\n'
    assert locations(text) == ("= /old", "^~ /api/", "/", "@app")


def test_files_of_former_names_are_removed() -> None:
    change = FormerLocationsRemoved("api", f"{FOLDER}/api.conf").plan(f"{FOLDER}/api.conf\n/b/api.conf\n")
    assert change and change.shell == "file_remove /b/api.conf"
    assert FormerLocationsRemoved("api", f"{FOLDER}/api.conf").plan(f"{FOLDER}/api.conf\n") is None


CERTIFICATE = SharedCertificate("api", ("a.test",), "/var/www/letsencrypt", folder=FOLDER, site="/etc/nginx/sites-enabled/api-tls")
OTHER = "other /etc/letsencrypt/live/shop/fullchain.pem /etc/letsencrypt/live/shop/privkey.pem\n"
OWN_ONE = "now=100\nnotBefore=Jan  1 00:00:00 1970 GMT\nnotAfter=Jan  1 00:00:00 2038 GMT\n"


@pytest.mark.parametrize(
    ("fact", "gets_one", "named"),
    [
        ("", True, "api"),
        (OTHER, False, "shop"),
        ("other /etc/selvedge/shop/certificate.pem /etc/selvedge/shop/certificate.pem\n", True, "api"),
        (OTHER + OWN_ONE, True, "api"),
    ],
)
def test_an_app_with_a_path_uses_the_certificate_of_the_name(fact: str, gets_one: bool, named: str) -> None:
    assert bool(CERTIFICATE.plan(fact)) is gets_one
    text = f"ssl_certificate {CERTIFICATE.fullchain};\nssl_certificate_key {CERTIFICATE.key};\n"
    change = SharedTlsSite(File("/x", text), CERTIFICATE).plan(f"{fact}\n--\nabsent\n")
    assert change and change.shell.count(f"/etc/letsencrypt/live/{named}/") == 2


def test_certificates_that_no_site_uses_are_deleted() -> None:
    assert LeftCertificates("/usr/bin/certbot", "/w").plan("") is None
    change = LeftCertificates("/usr/bin/certbot", "/w").plan("shop\n")
    assert change and change.shell == "certbot_delete /usr/bin/certbot shop"
