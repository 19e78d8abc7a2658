"""PostgreSQL for other servers: the changes for each state, what the scripts show of the password, and the server's certificate."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import SecretStr

from selvedge.resources.databases import clients
from selvedge.resources.databases.clients import DatabaseCertificate, PostgresClients, scram_secret
from selvedge.shell import library
from selvedge.shell.server.backup import network

PASSWORD = "c4nary:pass\\word"
HBA = 'hostssl "my-app" "my-app" 10.0.0.11/32 scram-sha-256\nhostssl "my-app" "my-app" fd00::12/128 scram-sha-256\n'
CONF, NETWORK = "listen_addresses = '10.0.0.5'\n", "[Unit]\n"
OPEN = PostgresClients("my-app", "10.0.0.5", ("10.0.0.11", "fd00::12"), CONF, NETWORK, SecretStr(PASSWORD))
CLOSED = PostgresClients("my-app")
STORED = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)
"""What is stored of the password "pencil" with the salt of the example in RFC 7677."""


def fact(conf: str = CONF, hba: str = HBA, network: str = NETWORK, state: str = "certificate", password: str = PASSWORD) -> str:
    salt = b"0123456789abcdef"
    secret = scram_secret(password, salt)
    known = f"4096 {secret.split('$')[1].split(':')[1]} {hashlib.sha256(secret.encode()).hexdigest()}\n" if password else ""
    return f"\n--- conf\n{conf}\n--- hba\n{hba}\n--- network\n{network}\n--- state\n{state}\n\n--- password\n{known}"


def test_the_stored_form_of_a_password_is_that_of_the_standard() -> None:
    """RFC 7677 has an example: the user "user" with the password "pencil"."""
    import base64

    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    assert scram_secret("pencil", salt) == STORED


@pytest.mark.parametrize(
    ("found", "actions"),
    [
        (fact(), None),
        ("", "make its certificate; listen at 10.0.0.5; let in 10.0.0.11, fd00::12; set the password of the role my-app"),
        (fact(state=""), "make its certificate"),
        (fact(conf=""), "listen at 10.0.0.5"),
        (fact(network="[Service]\n"), "listen at 10.0.0.5"),
        (fact(hba=f'host all "my-app" all reject\n{HBA}'), "let in 10.0.0.11, fd00::12"),
        (fact(hba=HBA.splitlines(keepends=True)[0]), "let in 10.0.0.11, fd00::12"),
        (fact(password="another"), "set the password of the role my-app"),
        (fact(password=""), "set the password of the role my-app"),
        (fact().replace("4096 ", "many "), "set the password of the role my-app"),
    ],
)
def test_what_differs_is_changed(found: str, actions: str | None) -> None:
    change = OPEN.plan(found)
    assert (change.summary if change else None) == (f"open PostgreSQL to other servers: {actions}" if actions else None)


def test_neither_the_script_nor_the_diff_nor_the_server_gets_the_password() -> None:
    change = OPEN.plan("")
    assert change and isinstance(change.payload, bytes)
    assert "c4nary" not in change.shell + change.diff + repr(change) + repr(OPEN) and "SCRAM" not in change.shell + change.diff
    assert b"c4nary" not in change.payload and change.payload.startswith(b"alter role \"my-app\" password 'SCRAM-SHA-256$4096:")
    unchanged = OPEN.plan(fact(hba=""))
    assert unchanged and unchanged.payload == b"" and "postgresnet_password" not in unchanged.shell
    assert 'hostssl "my-app" "my-app" 10.0.0.11/32 scram-sha-256' in unchanged.diff


def test_a_postgresql_of_someone_else_is_left_alone() -> None:
    change = OPEN.plan(fact(state="stranger"))
    assert change and change.summary == "check whose PostgreSQL this is" and "was on this server before Selvedge" in change.shell


def test_it_is_closed_without_clients() -> None:
    assert CLOSED.plan("\n") is None
    for found in (CONF, f"{clients.BLOCK} my-app\n", f'host all "my-app" all reject {clients.REJECTED.format(app="my-app")}\n'):
        change = CLOSED.plan(found)
        assert change and change.summary == "close PostgreSQL to the other servers of my-app" and "-" in change.diff


CERTIFICATE = DatabaseCertificate("/etc/selvedge/hello/database.pem", "db", "fd00::5", "hello", SecretStr(PASSWORD))
HERE, SHOWN = "sha256 Fingerprint=AA\n", "sha256 Fingerprint=BB\n"


@pytest.mark.parametrize(
    ("found", "summary"),
    [
        (HERE + HERE, None),
        (f"{HERE}\n", None),
        (f"\n{SHOWN}", "store the certificate of PostgreSQL on db"),
        ("\n\n", "store the certificate of PostgreSQL on db"),
        (HERE + SHOWN, "replace the certificate of PostgreSQL on db"),
    ],
)
def test_the_certificate_is_that_of_the_server(found: str, summary: str | None) -> None:
    change = CERTIFICATE.plan(found)
    assert (change.summary if change else None) == summary
    if change:
        assert change.payload == b"fd00\\:\\:5:*:hello:hello:c4nary\\:pass\\\\word\n"
        assert "c4nary" not in change.shell + repr(CERTIFICATE)


def test_the_shell_has_the_same_paths() -> None:
    text = library.library("postgresnet")
    folder = clients.POSTGRES_CERTIFICATE.rpartition("/")[0]
    assert f"\npostgresnet_folder={folder}\n" in text and f"printf '{clients.BLOCK} %s'" in text
    rejected = clients.REJECTED.replace("{app}", "%s")
    assert f"postgresnet_closed() {{ printf '{rejected}' " in text
    assert clients.REJECTED.replace("{app}", "{}") == network.CLOSED
    assert Path(clients.POSTGRES_KEY).parent == Path(folder)
