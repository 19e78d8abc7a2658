"""The files of a commit in a folder of this machine, as a server checks them out: for a build on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UsageError
from selvedge.resources.code.carried import pack
from selvedge.resources.code.git import environment, git, words
from selvedge.resources.code.large_files import POINTER, large_files
from selvedge.resources.code.local_repository import local_commit
from selvedge.resources.code.submodules import parts

_SHA = re.compile(r"[0-9a-f]{40}")
# A git server may ask for the login at any request: git gets it from these variables, not from its arguments or a file.
_HELPER = '!f() { [ "$1" = get ] && printf "username=%s\\npassword=%s\\n" "$GIT_LOGIN_USER" "$GIT_LOGIN_PASSWORD"; }; f'


def find_commit(app: Target) -> str:
    """Return the commit to release, 40 hex digits, by the repository on this machine or the git server.

    Raises ConfigError or UsageError as `local_commit`, SelvedgeError if the git server does not answer.
    """
    if app.release.commit or _SHA.fullmatch(app.ref):
        return app.release.commit or app.ref
    if app.repository_path is not None:
        return local_commit(app.repository_path, app.ref)
    names = [f"refs/heads/{app.ref}", f"refs/tags/{app.ref}^{{}}", f"refs/tags/{app.ref}"]
    listed = _git(app, "ls-remote", "--", app.repository_shown, *names)
    found = {name: sha for sha, _, name in (line.partition("\t") for line in listed.splitlines())}
    commit = next((found[name] for name in names if name in found), "")
    if not commit:
        problem = f"The repository {app.repository_shown} has no branch or tag {app.ref}."
        raise UsageError(problem, "Check app.branch in hosts.toml, or the flag --branch or --commit. A SHA must have 40 digits.")
    return commit


@contextmanager
def checked_out(app: Target, commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit, its submodules, its files in Git LFS, and those of app.carry.

    The folder is deleted at the end. Raises SelvedgeError.
    """
    with tempfile.TemporaryDirectory(prefix="selvedge-") as name:
        folder = Path(name) / "code"
        folder.mkdir()
        if app.repository_path is not None:
            _write(app.repository_path, commit, folder)
        else:
            _fetch(app, commit, folder)
        if app.carry:
            _carry(app, folder)
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                # As on a server: in the image root owns the files, and the app's user must be able to read them.
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        yield folder


def add_history(app: Target, folder: Path) -> None:
    """Make a folder of `checked_out` a repository at app.commit, with its history and tags, as `mirror_history` does on a server.

    Raises SelvedgeError.
    """
    source, own = app.repository_path or _fetched(folder), folder / ".git"
    _asked(folder, "clone", "--quiet", "--bare", "--", str(source), str(own))
    _asked(folder, "--git-dir", str(own), "config", "core.bare", "false")
    # git compares the contents of files in Git LFS as they are: a build may have no git-lfs.
    (own / "info").mkdir(exist_ok=True)
    (own / "info/attributes").write_text("* -filter\n")
    _asked(folder, "reset", "--quiet", app.commit)
    # Files of app.carry and of Git LFS are no local changes.
    _asked(folder, "update-index", "-z", "--skip-worktree", "--stdin", stdin=_asked(folder, "ls-files", "-z", "--modified"))
    _asked(folder, "remote", "remove", "origin")


def _fetched(folder: Path) -> Path:
    """Return the folder for the repository, if the files come from a git server."""
    return folder.parent / "fetched"


def _asked(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    done = git(folder, *arguments, stdin=stdin)
    if done.returncode != 0:
        raise SelvedgeError(
            f"git on your machine could not copy the repository for the build: {words(done.stderr)}.",
            "Check it: `git fsck`. Then run the same command again.",
        )
    return done.stdout


def _write(repository: Path, commit: str, folder: Path) -> None:
    """Write the files from a repository on this machine. Raises ConfigError or UsageError."""
    for number, part in enumerate(parts(repository, commit)):
        where = folder / part.path
        where.mkdir(parents=True, exist_ok=True)
        index = {"GIT_INDEX_FILE": str(folder.parent / f"index-{number}"), "GIT_WORK_TREE": str(where), "GIT_LFS_SKIP_SMUDGE": "1"}
        part.git("-c", "core.autocrlf=false", "read-tree", "--reset", "-u", part.commit, more=index)
    if sources := {file.oid: file.source for file in large_files(repository, commit)}:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= 1024:
                pointer = POINTER.fullmatch(path.read_bytes().decode("latin-1"))
                if pointer and pointer[1] in sources:
                    shutil.copyfile(sources[pointer[1]], path)


def _fetch(app: Target, commit: str, folder: Path) -> None:
    """Write the files from a git server, with the user's own access to it. Raises SelvedgeError."""
    _git(app, "clone", "--quiet", "--no-checkout", "--", app.repository_shown, str(folder))
    where = ("-C", str(folder))
    _git(app, *where, "-c", "core.autocrlf=false", "checkout", "--quiet", "--detach", commit)
    _git(app, *where, "submodule", "update", "--init", "--recursive", "--quiet")
    shutil.move(folder / ".git", _fetched(folder))
    for path in folder.rglob(".git"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _git(app: Target, *arguments: str) -> str:
    login = urlsplit(app.credentials.get_secret_value()) if app.credentials else None
    more = {"GIT_TERMINAL_PROMPT": "0"}
    if login:
        more |= {
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": _HELPER,
            "GIT_LOGIN_USER": unquote(login.username or ""), "GIT_LOGIN_PASSWORD": unquote(login.password or ""),
        }  # fmt: skip
    try:
        done = subprocess.run(
            ["git", *arguments], env=environment(more), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="surrogateescape", check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise SelvedgeError("git is not installed on your machine.", "Install it: `sudo apt-get install git`.") from None
    if done.returncode != 0:
        raise SelvedgeError(
            f"git on your machine could not get the code from {app.repository_shown}: {words(done.stderr)}.",
            'Give your user access to the repository, or set `build = "server"` in [docker]: the server fetches with its own key.',
        )
    return done.stdout


def _carry(app: Target, folder: Path) -> None:
    """Add the files of app.carry. Raises ConfigError."""
    packed = pack(app.carry_base, tuple(app.carry), app.release.carried)
    for top in app.carry:
        old = folder / top
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
        old.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(packed.path) as archive:
        archive.extractall(folder, filter="tar")

