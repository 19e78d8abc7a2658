"""`selvedge upgrade`: bring a project's own files up to date with the installed version."""

from __future__ import annotations

import difflib
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from selvedge.cli import packaged
from selvedge.cli.files import is_there, write_all
from selvedge.cli.renamed import renamed
from selvedge.cli.say import Say
from selvedge.errors import SelvedgeError, UsageError
from selvedge.project.collection import BASES, CONFLICT, VERSION_FILE
from selvedge.value import Value
from selvedge.version import VERSION

NO_BASE = (
    "{1}{0} was not merged, because the text that it was copied from is missing: {1}{2}/{0}. Restore that file from git. Or move "
    "yours aside, run `selvedge eject {0}` and make your changes again."
)


class Change(Value):
    """A file of the project before and after. conflicts: how many places both sides have changed differently."""

    path: Path
    before: str
    after: str
    conflicts: int = 0


def upgrade(start: Path, *, markers: bool, confirm: Callable[[], bool], say: Say) -> None:
    """Show what the installed version changes in the project around the folder `start`, and write it after `confirm()`.

    markers: also write files with conflicts, which are to be resolved in them.

    Raises:
        UsageError: there is no project.
        SelvedgeError: there are conflicts, and no `markers`. Nothing is written then.
    """
    deploy = packaged.own_folder(start)
    files = packaged.files()
    bases = _bases(deploy)
    _check_version(deploy, say)
    merged = [_merge(deploy, name, bases[name], files.get(name), say) for name in sorted(bases)]
    changes = [each for each in (*merged, _settings(deploy.parent / "hosts.toml")) if each and each.before != each.after]
    for change in changes:
        _show(deploy.parent, change, say)
    conflicts = [str(each.path.relative_to(deploy.parent)) for each in changes if each.conflicts]
    if conflicts and not markers:
        problem = f"Your changes and those of the new version contradict each other in {', '.join(conflicts)}. Nothing was changed."
        remedy = (
            "Edit your file so that it has the new lines where the two differ, and run `selvedge upgrade` again. Or write the "
            "conflicts into the files, and resolve them there: `selvedge upgrade --markers`."
        )
        raise SelvedgeError(problem, remedy)
    if changes and not confirm():
        return
    _write(deploy, changes, {name: files[name] for name in bases if name in files})
    lost = [name for name in files if name not in bases and (deploy / name).is_file()]
    for name in lost:
        say(NO_BASE.format(name, f"{deploy.name}/", BASES))
    if conflicts:
        say(f"Resolve the conflicts in {', '.join(conflicts)}: edit the places between {CONFLICT.strip()} and >>>>>>>.")
    elif changes:
        say(f"Written: {', '.join(str(each.path.relative_to(deploy.parent)) for each in changes)}.")
        say("See what it changes on the servers: `fab deploy --dry-run`.")
    elif not lost:
        say(f"Nothing to change: the project's files are up to date with Selvedge {VERSION}.")


def _bases(deploy: Path) -> dict[str, str]:
    """Return the package's texts as they were when they were copied, by the names of the files that are still there.

    Raises UsageError if something that is no file has the name of one.
    """
    folder = deploy / BASES
    paths = (path for name in packaged.folders() for path in (folder / name).rglob("*"))
    found = {str(path.relative_to(folder)) for path in paths if path.suffix in packaged.SUFFIXES and is_there(path)}
    return {name: _text(folder / name) for name in sorted(found) if is_there(deploy / name)}


def _text(path: Path) -> str:
    """Return a file's text with its line ends. Raises UsageError if it is no text."""
    content = path.read_bytes()
    try:
        if b"\0" not in content:
            return content.decode()
    except UnicodeDecodeError:
        pass
    raise UsageError(f"{path} is not UTF-8 text.", "Restore it from git, then run `selvedge upgrade` again.")


def _lines_end(text: str, like: str) -> str:
    """Return a text with the line ends of another one: git and editors may have changed them to those of Windows."""
    plain = text.replace("\r\n", "\n")
    return plain.replace("\n", "\r\n") if "\r\n" in like else plain


def _settings(hosts: Path) -> Change | None:
    """Return the change of hosts.toml, whose settings may have new names."""
    if not hosts.is_file():
        return None
    before = _text(hosts)
    return Change(hosts, before, renamed(before))


def _merge(deploy: Path, name: str, base: str, new: Path | None, say: Say) -> Change | None:
    """Return the project's file with the changes from `base` to the package's text of now."""
    path = deploy / name
    ours = _text(path)
    if CONFLICT in ours:
        remedy = f"Edit the places that begin with {CONFLICT.strip()}, then run `selvedge upgrade` again."
        raise UsageError(f"{path} has unresolved conflicts.", remedy)
    if new is None:
        say(f"{deploy.name}/{name}: Selvedge {VERSION} has no such file any longer. Yours stays; delete it if nothing needs it.")
        return None
    base, theirs = (_lines_end(text, ours) for text in (base, _text(new)))
    ours = _lines_end(ours, ours)
    if ours == base:
        return Change(path, ours, theirs)
    if theirs in (base, ours):
        return None
    text, conflicts = _merged(ours, base, theirs, _version(deploy))
    return Change(path, ours, text, conflicts)


def _merged(ours: str, base: str, theirs: str, version: str) -> tuple[str, int]:
    """Return what `git merge-file` makes of three texts, and the number of conflicts."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(text.encode())
        labels = ["-L", "yours", "-L", f"Selvedge {version}", "-L", f"Selvedge {VERSION}"]
        try:
            done = subprocess.run(["git", "merge-file", "-p", *labels, *map(str, paths)], capture_output=True, check=False)
        except FileNotFoundError:
            raise UsageError("git is not installed on this machine.", "Install it, then run `selvedge upgrade` again.") from None
    if done.returncode < 0 or done.returncode > 127:
        raise SelvedgeError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}. Nothing was changed.")
    return done.stdout.decode(), done.returncode


def _version(deploy: Path) -> str:
    """Return the version that the project's files are from, "before" if it is not known."""
    file = deploy / BASES / VERSION_FILE
    text = file.read_text("utf-8", errors="replace").strip() if file.is_file() else ""
    return text if re.fullmatch(r"[0-9]+(\.[0-9]+)*[0-9A-Za-z.+-]*", text, re.ASCII) else "before"


def _check_version(deploy: Path, say: Say) -> None:
    """Say so if the installed version is older than the project's files."""
    theirs = _version(deploy)
    numbers = [[int(each) for each in re.findall(r"[0-9]+", text)[:3]] for text in (theirs, VERSION)]
    if numbers[0] > numbers[1]:
        say(
            f"The project's files are from Selvedge {theirs}, which is newer than the installed {VERSION}. This takes the changes "
            "of the newer version back. To keep them: `pip install --upgrade selvedge-deploy`."
        )


def _show(top: Path, change: Change, say: Say) -> None:
    """Show a change as a diff. A conflict is in it as git writes it."""
    name = str(change.path.relative_to(top))
    before, after = change.before.splitlines(), change.after.splitlines()
    for line in difflib.unified_diff(before, after, name, f"{name} (new)", lineterm=""):
        say(line)


def _write(deploy: Path, changes: list[Change], bases: dict[str, Path]) -> None:
    """Write the files and the package's texts. If this is interrupted, the next run does the rest."""
    contents = {change.path: change.after.encode() for change in changes}
    contents |= {deploy / BASES / name: path.read_bytes() for name, path in bases.items()}
    if bases:
        contents[deploy / BASES / VERSION_FILE] = f"{VERSION}\n".encode()
    write_all({path: content for path, content in contents.items() if not path.exists() or path.read_bytes() != content})
