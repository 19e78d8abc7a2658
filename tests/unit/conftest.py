"""Fixtures of several folders."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from tests.support.declared import SETTINGS
from tests.support.fixtures import COMMIT, host, hostile, target  # noqa: F401
from tests.support.keys import KEY


@pytest.fixture
def app(target: Callable[..., Target], tmp_path: Path) -> Callable[..., Target]:  # noqa: F811
    """Return the settings of this name in SETTINGS."""
    (tmp_path / "me.pub").write_text(KEY + "\n")
    (tmp_path / "production.env").write_text("TOKEN=c4nary\n")
    (tmp_path / "backup_key").write_text("c4nary\n")
    (tmp_path / "dns.ini").write_text("dns_rfc2136_secret = c4nary\n")
    (tmp_path / "build.env").write_text("UV_INDEX_OWN_PASSWORD=c4nary\n")
    return lambda name, commit=COMMIT, **more: target(commit, **{**SETTINGS[name], **more})


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with two certificates and their keys, one and two, and the first key with a passphrase, locked.key."""
    for name in ("one", "two"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=a.test", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        ["openssl", "ec", "-aes128", "-passout", "pass:secret", "-in", "one.key", "-out", "locked.key"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    return tmp_path
