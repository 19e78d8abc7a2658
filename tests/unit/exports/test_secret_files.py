"""Files of hosts.toml with a secret, which lie in the repository: no image and no upload has them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from selvedge.config.hosts import OVERRIDES
from selvedge.config.schema import entry_model
from selvedge.config.secret_files import SECRET_FILES
from selvedge.config.settings import Settings
from selvedge.config.types import LocalPath
from tests.support.exports import Exported

Make = Callable[..., Exported]
FILE = "keys/se*cret"
DNS = 'domains = ["shop.example.com"]\nenv_file = ""\n[tls]\nemail = "me@example.com"\nchallenge = "dns"\ndns_plugin = "ovh"\n'
OWN = '[tls]\ncertificate = "chain.pem"\n'
SFTP = '[backup]\nto = "sftp:backup@203.0.113.20:/srv/backups"\n'
SECRETS = {
    "app.env_file": "[app]\n", "app.build_env_file": "[app]\n", "backup.key": SFTP, "tls.dns_credentials": f"[app]\n{DNS}",
    "tls.certificate_key": OWN, "hosts.key": "[hosts.a]\n",
}  # fmt: skip
"""The settings that name such a file; the table that the setting needs."""
PUBLIC = {"hosts.known_hosts", "maintenance.page", "nginx.include", "tls.acme_ca", "tls.certificate"}


def local_files() -> Iterator[str]:
    """Yield the settings that name a file on the user's machine."""
    for section, field in Settings.model_fields.items():
        model: Any = entry_model(field.annotation) or field.annotation
        for name, each in getattr(model, "model_fields", {}).items():
            if LocalPath.__metadata__[-1] in each.metadata:  # type: ignore[attr-defined]
                yield f"{section}.{name}"


def test_each_setting_with_a_file_is_public_or_secret() -> None:
    assert set(local_files()) == {*SECRETS, *PUBLIC}


@pytest.mark.parametrize("setting", SECRETS)
def test_no_image_and_no_upload_has_a_secret_file(exported: Make, setting: str) -> None:
    made = exported(files={FILE: "X=1\n"}, env_file="")
    table = SECRETS[setting] + f'{setting.partition(".")[2]} = "{FILE}"\n'
    app = '[app]\nname = "shop"\nrepository = "."\n'
    text = table.replace("[app]\n", app) if table.startswith("[app]") else f"{app}{table}"
    (made.folder / "hosts.toml").write_text(text)
    made.make("docker")
    assert "keys/se\\*cret" in made.text(".dockerignore").splitlines()
    made.make("appengine")
    assert "/keys/se\\*cret" in made.text(".gcloudignore").splitlines()


def test_names_that_usually_hold_secrets_are_in_no_image_and_no_upload(exported: Make) -> None:
    made = exported()
    made.make("docker")
    assert {f"**/{name}" for name in SECRET_FILES} <= set(made.text(".dockerignore").splitlines())
    made.make("appengine")
    assert set(SECRET_FILES) <= set(made.text(".gcloudignore").splitlines())


def test_a_committed_file_that_is_ignored_by_its_name_is_named(exported: Make) -> None:
    made = exported(files={"certs/rds-ca.pem": "", "own.pem": ""})
    assert "lacks" not in made.make("docker"), "they are not committed"
    subprocess.run(["git", "add", "--force", "certs/rds-ca.pem", "production.env", "main.py"], check=True)
    for export in ("docker", "appengine"):
        [said] = [line for line in made.make(export).splitlines() if "lacks these committed files" in line]
        assert ": certs/rds-ca.pem. To keep one that is public, give it another name" in said


@pytest.mark.parametrize("section", ["app", "backup", "tls"])
def test_the_secret_file_of_one_host(exported: Make, section: str) -> None:
    assert section in OVERRIDES
    own = {
        "app": f'app = {{ env_file = "{FILE}" }}',
        "backup": f'backup = {{ to = "sftp:me@203.0.113.20:/srv/backups", key = "{FILE}" }}',
        "tls": f'tls = {{ certificate = "chain.pem", certificate_key = "{FILE}" }}',
    }
    made = exported(f"[hosts.a]\n[hosts.b]\n{own[section]}\n", files={FILE: "X=1\n"})
    made.make("docker")
    assert {"keys/se\\*cret", "production.env"} <= set(made.text(".dockerignore").splitlines())
