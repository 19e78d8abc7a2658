"""Which host a command line means."""

from __future__ import annotations

import pytest

from selvedge.errors import UsageError
from tests.unit.config.conftest import Load
from tests.unit.config.examples import APP, TWO, names


def test_names_groups_and_addresses_are_selected_once_in_order(settings: Load) -> None:
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
def test_an_address_selects_a_host_of_its_own(
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


def test_the_apps_user_is_refused_as_login_user(settings: Load) -> None:
    found = settings(APP)
    (host,) = found.select(["hello@198.51.100.7"])
    with pytest.raises(UsageError, match=r"app\.name must not be the login user hello, because"):
        found.target(host)


def test_an_address_of_the_file_selects_its_host(settings: Load) -> None:
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
def test_an_unknown_name_is_refused_with_a_list_of_names(settings: Load, typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(TWO + '[groups]\nall = ["web-1"]\n').select([typed])
    assert caught.value.status == 2
    assert "Hosts: web-1, web-2. Groups: all." in str(caught.value)


def test_a_similar_name_is_suggested(settings: Load) -> None:
    with pytest.raises(UsageError, match=r"No host or group is named 'wbe-1'\. Did you mean web-1"):
        settings(TWO).select(["wbe-1"])


def test_a_bare_word_may_be_an_alias_of_ssh_config(settings: Load) -> None:
    found = settings(APP)
    assert names(found.select(["build"], in_ssh_config=lambda name: name == "build")) == ["build"]
    with pytest.raises(UsageError):
        found.select(["other"], in_ssh_config=lambda name: name == "build")


def test_without_a_name_the_only_host_or_the_default_hosts_are_selected(settings: Load) -> None:
    assert names(settings(APP + "[hosts.only]\n").select([])) == ["only"]
    marked = APP + "[hosts.a]\n[hosts.b]\ndefault = true\n[hosts.c]\ndefault = true\n"
    assert names(settings(marked).select([])) == ["b", "c"]
    with pytest.raises(UsageError, match=r"several servers, and none was selected\. Hosts: web-1, web-2\. Select one: `fab"):
        settings(TWO).select([])
    with pytest.raises(UsageError, match=r"has no server yet\. Add a table \[hosts.server\]"):
        settings(APP).select([])
