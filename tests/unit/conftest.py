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
from tests.support.declared import apps
from tests.support.fixtures import host, hostile, target  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def _each_digest_once() -> Iterator[None]:
    """Keep the results of scrypt, which is slow on purpose: most tests hash the same few environments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "scrypt", functools.cache(hashlib.scrypt))
        yield


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., Target]:
    """Return the settings of this name in SETTINGS."""
    return apps(tmp_path)


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
