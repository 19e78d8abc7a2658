"""Logins that the server answers with words instead of running a command."""

from __future__ import annotations

import pytest

from selvedge.config.hosts import Host
from selvedge.ssh.login_words import login_problem

HOST = Host(name="web", address="203.0.113.9")
CASES = [
    ('Please login as the user "admin" rather than the user "root".\n\n', 142, "root", 'bootstrap_user = "admin"'),
    ('Please login as the user "ubuntu" rather than the user "root".\n', 142, "root", 'bootstrap_user = "ubuntu"'),
    ('Please login as the user "ec2-user" rather than the user "root".\n', 142, "root", 'bootstrap_user = "ec2-user"'),
    ("Welcome\nPlease login as the user 'debian' rather than root\n", 1, "root", 'bootstrap_user = "debian"'),
    (
        "You are required to change your password immediately (administrator enforced).\n"
        "WARNING: Your password has expired.\nPassword change required but no TTY available.\n",
        1, "root", "passwd root",
    ),
    ("Password change required but no TTY available.\n", 1, "root", "`ssh root@203.0.113.9`"),
    ("Your account has expired; please contact your system administrator.\n", 1, "deploy", "chage -E -1 deploy"),
    ("This account is currently not available.\n", 1, "deploy", "usermod --shell /bin/bash deploy"),
    ("This account is currently not available.\n", 1, "admin", "Set `bootstrap_user` in hosts.toml to a user that may."),
    ("This service allows sftp connections only.\n", 1, "deploy", "ForceCommand"),
]  # fmt: skip


@pytest.mark.parametrize(("output", "status", "user", "remedy"), CASES)
def test_known_words_have_their_remedy(output: str, status: int, user: str, remedy: str) -> None:
    found = login_problem(HOST, user, status, output)
    assert found and found.message.startswith("web: ") and f" {user} " in found.message and remedy in found.remedy
    assert "It said: " in found.message and found.message.rstrip(".").rpartition("It said: ")[2] in output


@pytest.mark.parametrize(
    ("output", "status"),
    [
        ("This account is currently not available.\n", 0),
        ("@0123456789ab begin 0\nThis account is currently not available.\n", 1),
        ("log: This account is currently not available.\n", 1),
        ("sh: 1: foo: not found\n", 127),
        ("", -1),
    ],
)
def test_other_output_is_no_such_answer(output: str, status: int) -> None:
    assert login_problem(HOST, "deploy", status, output) is None
