"""What installers say, in one sentence, and the remedy for it."""

from __future__ import annotations

import pytest

from selvedge.shell.server.project.reasons import LONGEST, reason, remedy

NO_SOLUTION = """\
Using Python 3.11.7 environment at: e
error: No solution found when resolving dependencies
  cause: Because nosuch was not found in the package registry and you require nosuch==1,
         we can conclude that your requirements are unsatisfiable.
"""
OLDER_UV = """\
  × No solution found when resolving dependencies:
  ╰─▶ Because there is no version of own==2 and you require own==2, we can conclude that your requirements
      are unsatisfiable.

      hint: `own` was found on https://a.test/simple, but not at the requested version (own==2). A compatible version may be
      available on a subsequent index. If all indexes are equally trusted, use `--index-strategy unsafe-best-match`.
"""
UNAUTHORIZED = """\
error: No solution found when resolving dependencies
  cause: Because own was not found in the package registry and you require own, we can conclude.

hint: An index URL (http://a.test/simple) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)
"""
GIT = """\
   Updating ssh://git@a.test/x.git (HEAD)
error: Failed to download and build `x @ git+ssh://git@a.test/x.git`
  cause: Git operation failed
  cause: failed to clone into: /var/cache/x/git-v2/db/5c42391f8587027b
  cause: process didn't exit successfully: `/usr/bin/git fetch --force` (exit status: 128)
         --- stderr
         {}
         fatal: Could not read from remote repository.

         Please make sure you have the correct access rights
         and the repository exists.
"""
BUILD = """\
error: Failed to build `psycopg2==2.9`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

         [stdout]
         running egg_info

         [stderr]
         Traceback (most recent call last):
         ValueError: never mind
         Error: pg_config executable not found.

hint: This usually indicates a problem with the package or the build environment.
"""
PIP = """\
Collecting x@ git+ssh://git@a.test/x.git
  Running command git clone --filter=blob:none --quiet 'ssh://****@a.test/x.git' /tmp/x
  git@a.test: Permission denied (publickey).
  fatal: Could not read from remote repository.
  error: subprocess-exited-with-error

  × git clone --filter=blob:none --quiet 'ssh://****@a.test/x.git' /tmp/x did not run successfully.
  ╰─> See above for output.
"""
PIP_NONE = """\
ERROR: Could not find a version that satisfies the requirement nosuch (from versions: none)
ERROR: No matching distribution found for nosuch
"""
KEY = "ssh-ed25519 AAAA hello@one"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            NO_SOLUTION,
            "No solution found when resolving dependencies: Because nosuch was not found in the package registry and you require "
            "nosuch==1, we can conclude that your requirements are unsatisfiable",
        ),
        (OLDER_UV, "Because there is no version of own==2 and you require own==2, we can"),
        (UNAUTHORIZED, "credentials (401 Unauthorized)"),
        (
            GIT.format("Host key verification failed."),
            "Failed to download and build `x @ git+ssh://git@a.test/x.git`: Host key verification failed: fatal: Could not read",
        ),
        (BUILD, "Failed to build `psycopg2==2.9`: ValueError: never mind: Error: pg_config executable not found"),
        (PIP, "git@a.test: Permission denied (publickey): fatal: Could not read from remote repository"),
        (
            PIP_NONE,
            "Could not find a version that satisfies the requirement nosuch (from versions: none): No matching distribution found",
        ),
        ("Installing\n\nkilled\n", "Installing: killed"),
        ("error: Failed to build `x`\n  cause: x\n\n      [stderr]\n      it is broken\n", "Failed to build `x`: it is broken"),
        ("  error: subprocess-exited-with-error\n      it is broken\n\n      [end of output]\n", "it is broken"),
        ("", ""),
    ],
)
def test_the_installers_own_words_are_one_sentence(text: str, said: str) -> None:
    assert said in reason(text)
    assert "\n" not in reason(text)


def test_a_long_message_is_cut() -> None:
    assert len(reason(f"error: {'x' * 5000}")) == LONGEST


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (NO_SOLUTION, "Correct the requirements, commit"),
        (OLDER_UV, 'set app.index_strategy = "unsafe-best-match"'),
        (UNAUTHORIZED, "name it with app.build_env_file"),
        (GIT.format("Host key verification failed."), "shows another host key than before"),
        (GIT.format("git@a.test: Permission denied (publickey)."), f"read access to the dependency's repository: {KEY}"),
        (GIT.format("ssh: connect to host a.test port 22: Connection refused"), "Check that the server reaches that address."),
        (PIP, f"read access to the dependency's repository: {KEY}"),
        (BUILD, 'set server.packages = ["libpq-dev"]'),
        ("error: command 'gcc' failed: No such file or directory", 'server.packages = ["build-essential", "python3-dev"]'),
        ("error: linker `cc` not found", 'server.packages = ["build-essential", "python3-dev"]'),
        ("fatal error: Python.h: No such file or directory", 'server.packages = ["python3-dev"]'),
        ("cause: invalid peer certificate: UnknownIssuer", "run `sudo update-ca-certificates`"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "run `sudo update-ca-certificates`"),
        ("Because the current Python version (3.11.2) does not satisfy Python>=3.12", "Set app.python in hosts.toml"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "Lock again on your machine"),
        ("pyproject.toml changed significantly since poetry.lock was last generated.", "Lock again on your machine"),
        ("HTTP status client error (403 Forbidden) for url (https://a.test/simple/own/)", "name it with app.build_env_file"),
        (GIT.format("fatal: could not read Username for 'https://a.test': terminal prompts disabled"), "git+https://${TOKEN}@HOST/PATH"),
        (GIT.format("remote: Not found\n fatal: repository 'https://a.test/x.git/' not found"), "git+https://${TOKEN}@HOST/PATH"),
        ("dns error: failed to lookup address information", "Check that the server reaches that address."),
    ],
)
def test_the_remedy_fits_the_message(text: str, answer: str) -> None:
    assert answer in remedy(text, "uv", KEY)


def test_a_private_package_is_considered_with_pip() -> None:
    assert "app.build_env_file" in remedy(PIP_NONE, "pip", "")


def test_without_a_deploy_key_none_is_shown() -> None:
    assert "KEY" not in remedy(PIP, "pip", "")


def test_pip_says_why_it_could_not_read_an_index() -> None:
    certificate = """\
Could not fetch URL https://a.test/simple/own/: There was a problem confirming the ssl certificate: HTTPSConnectionPool(port=443)
Max retries exceeded (Caused by SSLError(SSLCertVerificationError(1, 'certificate verify failed'))) - skipping
ERROR: Could not find a version that satisfies the requirement own (from versions: none)
ERROR: No matching distribution found for own
"""
    begins = "Could not fetch URL https://a.test/simple/own/: There was a problem confirming the ssl certificate: Could not find"
    assert reason(certificate).startswith(begins)
    assert "update-ca-certificates" in remedy(certificate, "pip", "")
