"""`selvedge eject` and `selvedge upgrade`: a project's own copies of tasks and templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from selvedge.cli import eject as ejecting
from selvedge.cli import main, packaged, renamed
from selvedge.cli import upgrade as upgrading
from selvedge.cli.written import FABFILE
from selvedge.errors import UsageError

SITE = "templates/nginx/site.conf.j2"
OLD = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an installed package with a task and a template."""
    folder = tmp_path / "package"
    for name in (SITE, "templates/nginx/other.conf.j2", "tasks/nginx.py", "tasks/parts/site_parts.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(OLD)
    monkeypatch.setattr(packaged, "folders", lambda: {name: folder / name for name in ("tasks", "templates")})
    monkeypatch.setattr(ejecting, "_module", lambda _: "")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    (folder / "sub").mkdir(parents=True)
    (folder / "fabfile.py").write_text(FABFILE)
    monkeypatch.chdir(folder / "sub")
    return folder


def newer(package: Path, name: str = SITE, change: tuple[str, str] = ("line 2\n", "line 2\nnew in 2\n")) -> None:
    (package / name).write_text(OLD.replace(*change))


def edit(project: Path, old: str, new: str) -> Path:
    file = project / "deploy" / SITE
    file.write_text(file.read_text().replace(old, new))
    return file


@pytest.mark.usefixtures("package")
def test_eject_copies_into_the_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eject", "nginx/site.conf.j2", "nginx"]) == 0
    for name in (SITE, "tasks/nginx.py"):
        assert (project / "deploy" / name).read_text() == (project / "deploy/.ejected" / name).read_text() == OLD
    assert "The templates of" not in capsys.readouterr().out
    edit(project, "line 3", "mine")
    assert main(["eject", "nginx/site.conf.j2"]) == 0
    assert "exists already, and stays as it is" in capsys.readouterr().out
    assert "mine" in (project / "deploy" / SITE).read_text()
    assert main(["eject", "templates/nginx"]) == 0
    assert (project / "deploy/templates/nginx/other.conf.j2").exists()


@pytest.mark.usefixtures("package", "project")
def test_eject_of_a_task_names_its_templates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eject", "nginx"]) == 0
    said = "The templates of nginx stay the package's. To copy them, too: `selvedge eject templates/nginx`.\n"
    assert said in capsys.readouterr().out


@pytest.mark.usefixtures("package")
def test_eject_lists_and_names_near_ones(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eject"]) == 0
    assert SITE in capsys.readouterr().out.split() and not (project / "deploy").exists()
    assert main(["eject", "nginx", "ngnix/site.conf.j2"]) == 2
    assert "nginx/site.conf.j2" in capsys.readouterr().err and not (project / "deploy").exists()


@pytest.mark.usefixtures("package")
def test_outside_of_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["eject", "nginx"], ["upgrade", "--yes"]):
        assert main(words) == 2
        assert "selvedge init" in capsys.readouterr().err


def test_upgrade_merges_both_sides(package: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["eject", SITE])
    file = edit(project, "line 15", "mine")
    newer(package)
    assert main(["upgrade"]) == 2  # No one can confirm it.
    shown = capsys.readouterr()
    assert "+new in 2" in shown.out and "selvedge upgrade --yes" in shown.err and "new in 2" not in file.read_text()
    assert main(["upgrade", "--yes"]) == 0
    assert file.read_text() == OLD.replace("line 2\n", "line 2\nnew in 2\n").replace("line 15", "mine")
    capsys.readouterr()
    assert main(["upgrade", "--yes"]) == 0
    assert "Nothing to change" in capsys.readouterr().out


def test_an_unedited_copy_becomes_the_new_one(package: Path, project: Path) -> None:
    main(["eject", SITE])
    newer(package)
    assert main(["upgrade", "--yes"]) == 0
    assert (project / "deploy" / SITE).read_text() == (package / SITE).read_text()


def test_a_conflict_changes_nothing(package: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["eject", "nginx", SITE])
    file = edit(project, "line 2\n", "mine\n")
    newer(package)
    newer(package, "tasks/nginx.py")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert main(["upgrade", "--yes"]) == 1
    shown = capsys.readouterr()
    assert "+<<<<<<< yours" in shown.out and "+new in 2" in shown.out and "templates/nginx/site.conf.j2" in shown.err
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    assert main(["upgrade", "--yes", "--markers"]) == 0
    assert "<<<<<<< yours\nmine\n" in file.read_text() and "new in 2" in (project / "deploy/tasks/nginx.py").read_text()
    assert main(["upgrade", "--yes"]) == 2
    assert "unresolved conflicts" in capsys.readouterr().err
    file.write_text((package / SITE).read_text())
    assert main(["upgrade", "--yes"]) == 0


def test_a_file_that_the_package_lost_stays(package: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["eject", SITE])
    (package / SITE).unlink()
    assert main(["upgrade", "--yes"]) == 0
    assert "has no such file any longer" in capsys.readouterr().out and (project / "deploy" / SITE).exists()


def test_an_interrupted_upgrade_is_completed(
    package: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["eject", SITE, "nginx"])
    file = edit(project, "line 15", "mine")
    newer(package)
    newer(package, "tasks/nginx.py")
    replace, count = upgrading._replace, 0

    def interrupted(path: Path, content: bytes) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt
        replace(path, content)

    monkeypatch.setattr(upgrading, "_replace", interrupted)
    assert main(["upgrade", "--yes"]) == 1
    assert main(["upgrade", "--yes"]) == 0
    assert "mine" in file.read_text() and file.read_text().count("new in 2") == 1
    assert (project / "deploy/tasks/nginx.py").read_text().count("new in 2") == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[app]\nold = "a" # why\nolder = 1\n', '[app]\nnew = "a" # why\nolder = 1\n'),
        ('[hosts.a]\naddress = "x"\n[hosts.a.app]\n  old= 1\r\n', '[hosts.a]\naddress = "x"\n[hosts.a.app]\n  new= 1\r\n'),
        ('[other]\nold = 1\n[app]\nname = "old = 2"\n', None),
        ("app.old = 1\n", "app.new = 1\n"),
        ("", None),
    ],
)
def test_settings_get_their_new_names(monkeypatch: pytest.MonkeyPatch, before: str, after: str | None) -> None:
    monkeypatch.setattr(renamed, "RENAMED", {"app.old": "new"})
    assert renamed.renamed(before) == (before if after is None else after)


def test_a_layout_that_cannot_be_edited_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renamed, "RENAMED", {"app.old": "new"})
    for text in ("app = {old = 1}\n", "[app]\nold = 1\n[other]\nold = 1\n", "[app\n"):
        with pytest.raises(UsageError):
            renamed.renamed(text)
