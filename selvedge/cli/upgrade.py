"""`selvedge upgrade`: bring a project's own files up to date with the installed version."""

from __future__ import annotations

import difflib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from selvedge.cli import packaged
from selvedge.cli.renamed import renamed
from selvedge.errors import SelvedgeError, UsageError
from selvedge.project.collection import CONFLICT
from selvedge.value import Value
from selvedge.version import VERSION

Say = Callable[[str], None]


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
    if conflicts:
        say(f"Resolve the conflicts in {', '.join(conflicts)}: edit the places between {CONFLICT.strip()} and >>>>>>>.")
    elif changes:
        say(f"Written: {', '.join(str(each.path.relative_to(deploy.parent)) for each in changes)}.")
        say("See what it changes on the servers: `fab deploy --dry-run`.")
    else:
        say(f"Nothing to change: the project's files are up to date with Selvedge {VERSION}.")


def _bases(deploy: Path) -> dict[str, str]:
    """Return the package's texts as they were when they were copied, by the names of the files that are still there."""
    folder = deploy / packaged.BASES
    found = (str(path.relative_to(folder)) for name in packaged.folders() for path in (folder / name).rglob("*") if path.is_file())
    return {name: _text(folder / name) for name in found if (deploy / name).is_file()}


def _text(path: Path) -> str:
    """Return a file's text with its line ends. Raises UsageError if it is no text."""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.", "Restore it from git, then run `selvedge upgrade` again.") from None


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
    theirs = _text(new)
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
        done = subprocess.run(["git", "merge-file", "-p", *labels, *map(str, paths)], capture_output=True, check=False)
    if done.returncode < 0 or done.returncode > 127:
        raise SelvedgeError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}. Nothing was changed.")
    return done.stdout.decode(), done.returncode


def _version(deploy: Path) -> str:
    file = deploy / packaged.BASES / packaged.VERSION_FILE
    return file.read_text("utf-8", errors="replace").strip() if file.is_file() else "before"


def _show(top: Path, change: Change, say: Say) -> None:
    """Show a change as a diff. A conflict is in it as git writes it."""
    name = str(change.path.relative_to(top))
    before, after = change.before.splitlines(), change.after.splitlines()
    for line in difflib.unified_diff(before, after, name, f"{name} (new)", lineterm=""):
        say(line)


def _write(deploy: Path, changes: list[Change], bases: dict[str, Path]) -> None:
    """Write the files, and then the package's texts. If this is interrupted, the next run does the rest."""
    for change in changes:
        _replace(change.path, change.after.encode())
    for name, path in bases.items():
        _replace(deploy / packaged.BASES / name, path.read_bytes())
    if bases:
        _replace(deploy / packaged.BASES / packaged.VERSION_FILE, f"{VERSION}\n".encode())


def _replace(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    if path.exists():
        new.chmod(path.stat().st_mode & 0o7777)
    new.replace(path)
