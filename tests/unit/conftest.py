"""Fixtures of several folders."""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selvedge.config.target import Target
from tests.support.declared import SETTINGS
from tests.support.fixtures import COMMIT, host, hostile, target  # noqa: F401
from tests.support.keys import KEY


@pytest.fixture(scope="session", autouse=True)
def _each_digest_once() -> Iterator[None]:
    """Keep the results of scrypt, which is slow on purpose: most tests hash the same few environments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "scrypt", functools.cache(hashlib.scrypt))
        yield


@pytest.fixture
def app(target: Callable[..., Target], tmp_path: Path) -> Callable[..., Target]:  # noqa: F811
    """Return the settings of this name in SETTINGS."""
    (tmp_path / "me.pub").write_text(KEY + "\n")
    (tmp_path / "production.env").write_text("TOKEN=c4nary\n")
    (tmp_path / "backup_key").write_text("c4nary\n")
    (tmp_path / "dns.ini").write_text("dns_rfc2136_secret = c4nary\n")
    (tmp_path / "build.env").write_text("UV_INDEX_OWN_PASSWORD=c4nary\n")
    return lambda name, commit=COMMIT, **more: target(commit, **{**SETTINGS[name], **more})


@pytest.fixture(scope="session")
def _certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("one", "two"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=a.test", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        ["openssl", "ec", "-aes128", "-passout", "pass:secret", "-in", "one.key", "-out", "locked.key"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def certificates(_certificates: Path, tmp_path: Path) -> Path:
    """A folder with two certificates and their keys, one and two, and the first key with a passphrase, locked.key."""
    shutil.copytree(_certificates, tmp_path, dirs_exist_ok=True)
    return tmp_path
