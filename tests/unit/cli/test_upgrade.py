"""`selvedge eject` and `selvedge upgrade`: a project's own copies of tasks and templates."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from selvedge.cli import eject as ejecting
from selvedge.cli import main, packaged, renamed
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


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_upgrade_changes_nothing(
    package: Path, project: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["eject", SITE, "nginx"])
    file = edit(project, "line 15", "mine")
    newer(package)
    newer(package, "tasks/nginx.py")
    before, write = contents(project), Path.write_bytes

    def interrupted(path: Path, content: bytes) -> int:
        if path.parent == file.parent:
            write(path, content[:9])
            raise failure
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupted)
        assert main(["upgrade", "--yes"]) == 1
    assert contents(project) == before
    assert not isinstance(failure, OSError) or "No space left on device. Nothing was changed." in capsys.readouterr().err
    assert main(["upgrade", "--yes"]) == 0
    assert "mine" in file.read_text() and file.read_text().count("new in 2") == 1
    assert (project / "deploy/tasks/nginx.py").read_text().count("new in 2") == 1


def test_ctrl_c_waits_while_files_are_replaced(
    package: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["eject", SITE, "nginx"])
    newer(package)
    newer(package, "tasks/nginx.py")
    replace = Path.replace

    def interrupted(path: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    assert main(["upgrade", "--yes"]) == 1
    for name in (SITE, "tasks/nginx.py"):
        assert "new in 2" in (project / "deploy" / name).read_text()
        assert "new in 2" in (project / "deploy/.ejected" / name).read_text()


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


def test_line_ends_of_windows_are_no_change(package: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["eject", SITE])
    file, base = project / "deploy" / SITE, project / "deploy/.ejected" / SITE
    for each in (file, base):
        each.write_bytes(each.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["upgrade", "--yes"]) == 0
    assert "Nothing to change" in capsys.readouterr().out
    edit(project, "line 15", "mine")
    file.write_bytes(file.read_bytes().replace(b"\r", b"").replace(b"\n", b"\r\n"))
    newer(package)
    assert main(["upgrade", "--yes"]) == 0
    wanted = OLD.replace("line 2\n", "line 2\nnew in 2\n").replace("line 15", "mine").replace("\n", "\r\n")
    assert file.read_bytes() == wanted.encode()


@pytest.mark.usefixtures("package")
def test_a_copy_without_its_base_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["eject", SITE])
    (project / "deploy/.ejected" / SITE).unlink()
    capsys.readouterr()
    assert main(["upgrade", "--yes"]) == 0
    shown = capsys.readouterr().out
    assert f"deploy/{SITE} was not merged" in shown and "Nothing to change" not in shown


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b\n"])
def test_a_copy_that_is_no_text_is_named(project: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    main(["eject", SITE])
    (project / "deploy" / SITE).write_bytes(content)
    assert main(["upgrade", "--yes"]) == 2
    assert f"{SITE} is not UTF-8 text" in capsys.readouterr().err


def test_other_files_in_the_folders_do_not_count(package: Path, project: Path) -> None:
    main(["eject", SITE])
    for folder in ("deploy", "deploy/.ejected"):
        (project / folder / "templates/.DS_Store").write_bytes(b"\xff\0")
    newer(package)
    assert main(["upgrade", "--yes"]) == 0


def test_a_link_stays_a_link(package: Path, project: Path, tmp_path: Path) -> None:
    main(["eject", SITE])
    file, real = project / "deploy" / SITE, tmp_path / "shared.j2"
    file.replace(real)
    file.symlink_to(real)
    real.chmod(0o640)
    newer(package)
    assert main(["upgrade", "--yes"]) == 0
    assert file.is_symlink() and "new in 2" in real.read_text() and real.stat().st_mode & 0o777 == 0o640


def test_an_older_version_says_that_it_is_older(package: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["eject", SITE])
    (project / "deploy/.ejected/version").write_text("999.1\n")
    newer(package)
    assert main(["upgrade", "--yes"]) == 0
    assert "from Selvedge 999.1, which is newer than the installed" in capsys.readouterr().out


def test_a_merge_without_git(
    package: Path, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["eject", SITE])
    edit(project, "line 15", "mine")
    newer(package)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["upgrade", "--yes"]) == 2
    assert "git is not installed" in capsys.readouterr().err


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["deploy", "deploy/templates", f"deploy/{SITE}", "deploy/.ejected/templates/nginx"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_eject_where_something_else_is_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    place = project / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("x") if kind == "file" else place.symlink_to("/proc/nonexistent")
    before = sorted(project.rglob("*"))
    status = main(["eject", "nginx", SITE])
    if name.endswith(".j2") and kind == "file":
        assert status == 0  # It is the user's own template.
        return
    assert status in (1, 2) and "Nothing was changed." in capsys.readouterr().err
    assert sorted(project.rglob("*")) == before


@pytest.mark.usefixtures("package")
def test_a_fabfile_that_only_mentions_the_package(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "fabfile.py").write_text("# See selvedge.project.\n")
    assert main(["eject", "nginx"]) == 2
    assert "No fabfile.py that uses the installed Selvedge" in capsys.readouterr().err
