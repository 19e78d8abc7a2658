"""When an export writes a file, and when it keeps the present one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.errors import ConfigError, SelvedgeError, UsageError
from tests.support.exports import Exported

Make = Callable[..., Exported]


def test_a_second_run_changes_nothing(exported: Make) -> None:
    made = exported()
    assert made.make("docker") == "written    Dockerfile\nwritten    .dockerignore\n"
    before = (made.folder / "Dockerfile").stat()
    assert made.make("docker") == "unchanged  Dockerfile\nunchanged  .dockerignore\n"
    assert (made.folder / "Dockerfile").stat().st_mtime_ns == before.st_mtime_ns


def test_another_setting_changes_a_file_that_no_one_edited(exported: Make) -> None:
    made = exported()
    made.make("procfile")
    made.settings(module="main:web")
    assert made.make("procfile") == "updated    Procfile\n"
    assert "gunicorn main:web" in made.text("Procfile")


@pytest.mark.parametrize("edit", ["web: mine\n", "", None], ids=["of yours", "empty", "one more line"])
def test_a_file_of_yours_is_kept_without_force(exported: Make, edit: str | None) -> None:
    made = exported()
    made.make("procfile")
    mine = made.text("Procfile") + "clock: mine\n" if edit is None else edit
    (made.folder / "Procfile").write_text(mine)
    with pytest.raises(SelvedgeError, match="Nothing was written") as error:
        made.make("procfile")
    assert error.value.status == 1 and "--force" in error.value.remedy
    assert made.text("Procfile") == mine
    *shown, said = made.make("procfile", force=True).splitlines()
    assert said == "updated    Procfile" and [each.strip() for each in shown[:2]] == ["--- Procfile", "+++ Procfile (export)"]
    assert "mine" not in made.text("Procfile")


def test_the_differences_are_shown_and_no_other_file_is_written(exported: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = exported(files={"Dockerfile": "FROM mine\n"})
    shown: list[str] = []
    monkeypatch.setattr("selvedge.report.Report.diff", lambda _self, text: shown.append(text))
    with pytest.raises(SelvedgeError):
        made.make("docker")
    assert "-FROM mine" in shown[0] and "+FROM ${REGISTRY}" in shown[0]
    assert not (made.folder / ".dockerignore").exists()


def test_line_ends_that_git_changes_are_no_edit(exported: Make) -> None:
    made = exported()
    made.make("procfile")
    (made.folder / "Procfile").write_bytes(made.text("Procfile").replace("\n", "\r\n").encode())
    assert made.make("procfile") == "unchanged  Procfile\n"


def test_a_folder_or_link_in_the_place_of_a_file_is_refused(exported: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = exported()
    outside = tmp_path_factory.mktemp("outside") / "Procfile"
    (made.folder / "Procfile").symlink_to(outside)
    with pytest.raises(SelvedgeError, match="symbolic link"):
        made.make("procfile", force=True)
    (made.folder / "Procfile").unlink()
    (made.folder / "Procfile").mkdir()
    with pytest.raises(SelvedgeError, match="not a regular file"):
        made.make("procfile", force=True)
    assert not outside.exists()


def test_a_file_that_cannot_be_written_is_named(exported: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = exported()

    def full(*_: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("selvedge.exports.written.tempfile.mkstemp", full)
    with pytest.raises(SelvedgeError, match=r"Procfile cannot be read or written: No space left on device"):
        made.make("procfile")


def test_a_missing_repository_is_refused(exported: Make, tmp_path: Path) -> None:
    made = exported(repository="./elsewhere")
    with pytest.raises(ConfigError, match=r"app.repository: the folder .* does not exist"):
        made.make("docker")
    (tmp_path / "elsewhere").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        made.make("docker")


def test_a_remote_repository_needs_a_clone_around_hosts_toml(exported: Make) -> None:
    made = exported(repository="git@git.example.com:me/shop.git")
    with pytest.raises(UsageError, match="is no clone of it") as error:
        made.make("docker")
    assert "git clone" in error.value.remedy
    subprocess.run(["git", "remote", "add", "origin", "https://me:c4nary@git.example.com/me/shop"], check=True)
    assert made.make("docker").startswith("written    Dockerfile")
    assert "c4nary" not in made.text("Dockerfile") and "git.example.com" in made.text("Dockerfile")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"requirements.txt": ""}, None),
        ({"uv.lock": "", "pyproject.toml": "nonsense ["}, "is not valid TOML"),
        ({".python-version": "pypy3.10"}, "pypy3.10"),
    ],
)
def test_a_project_that_cannot_be_built_is_refused(exported: Make, files: dict[str, str], words: str | None) -> None:
    made = exported(files=files)
    if words is None:
        (made.folder / "requirements.txt").unlink()
    with pytest.raises(ConfigError, match=words or "lists no packages"):
        made.make("docker")


@pytest.mark.parametrize(
    ("files", "app", "missing"),
    [
        ({}, {}, False),
        ({}, {"module": "shop.web:app"}, True),
        ({"src/shop/web.py": ""}, {"module": "shop.web:app"}, False),
        ({"backend/requirements.txt": "fastapi\n"}, {"root": "backend"}, True),
        ({"backend/requirements.txt": "fastapi\n", "backend/main.py": ""}, {"root": "backend", "module": "main:make()"}, False),
    ],
)
def test_a_module_that_the_repository_does_not_have_is_named(
    exported: Make, files: dict[str, str], app: dict[str, str], missing: bool
) -> None:
    assert ("app.module is" in exported(files=files, **app).make("docker")) == missing


def test_an_unknown_setting_and_a_missing_environment_file_are_refused(exported: Make) -> None:
    made = exported(unknown=1)
    with pytest.raises(ConfigError, match="unknown"):
        made.make("docker")
    made.settings(env_file="missing.env")
    with pytest.raises(ConfigError, match=r"missing\.env"):
        made.make("docker")
