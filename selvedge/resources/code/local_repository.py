"""A repository on this machine: its commits, and why git cannot read it."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.config.files import hosts_file_name
from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.resources.code.git import git, words
from selvedge.shell.quoting import quote

if TYPE_CHECKING:
    from selvedge.config.target import Target

SHORT_SHA = re.compile(r"[0-9a-f]{4,40}")
_REPOSITORY = "Give a folder with a git checkout, or the address of a repository."
_DAMAGED = re.compile(
    r"corrupt|bad (tree |commit )?object|unable to (read|unpack|find)|missing (blob|tree|commit)|could not read|inflate"
)


@functools.cache
def local_commit(repository: Path, ref: str) -> str:
    """Return the commit that a branch, tag or SHA means in a checkout on this machine, 40 hex digits.

    What was checked is what is released: a run asks once, until `forget`.

    Raises ConfigError if git cannot read the folder, UsageError if the repository does not know the ref.
    """
    if not repository.is_dir():
        problem = f"{repository} is a file" if repository.exists() else f"the folder {repository} does not exist"
        raise ConfigError(hosts_file_name(), "app.repository", problem, _REPOSITORY)
    # Also for a name of hex digits, such as 2025: git itself would prefer a tag.
    for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
        found = git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found.returncode == 0:
            return _of_sha1(repository, found.stdout.strip())
        if found.returncode != 1:
            raise unreadable(repository, found.stderr)
        if (kind := git(repository, "cat-file", "-t", f"{name}^{{}}").stdout.strip()) in ("blob", "tree"):
            what = "file" if kind == "blob" else "folder"
            raise UsageError(f"{ref} of the repository {repository} names a {what}, not a commit.", "Name a branch or another tag.")
        if git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", name).returncode == 0:
            raise unreadable(repository, f"fatal: bad object: the commit of {name} is missing")
    raise _unknown(repository, ref)


def forget() -> None:
    """Forget the commits: a new run begins."""
    local_commit.cache_clear()


def _of_sha1(repository: Path, commit: str) -> str:
    """Return the commit. Raises ConfigError for a repository whose objects have SHA-256 names, of 64 hex digits."""
    if len(commit) == 40:
        return commit
    problem = f"{repository} names its objects by SHA-256, and Selvedge's mirror on the server by SHA-1"
    remedy = "Use a repository that `git init --object-format=sha1` has made, as git and all well-known servers do by default."
    raise ConfigError(hosts_file_name(), "app.repository", problem, remedy)


def unreadable(repository: Path, stderr: str) -> SelvedgeError:
    """Return the error for a repository that git cannot read, with git's own words and the remedy for them."""
    said, where = words(stderr), quote(str(repository))
    if trusted := re.search(r"--add safe\.directory (.+)$", stderr, re.MULTILINE):
        said = said.partition(" To add an exception")[0]
        remedy = (
            "Another user owns this folder, and git runs nothing there unless you trust it. If you do: "
            f"`git config --global --add safe.directory {quote(trusted[1].strip(chr(39)))}`."
        )
    elif "not a git repository" in said and not (repository / ".git").exists():
        problem = f"{repository} is not a git repository"
        return ConfigError(hosts_file_name(), "app.repository", problem, _REPOSITORY)
    elif "not a git repository" in said:
        said = f"{said}, although {repository / '.git'} exists"
        remedy = f"Its files are incomplete: look at {repository / '.git' / 'HEAD'}, or clone the repository again."
    elif "safe.bareRepository" in said:
        remedy = "Name a checkout. Or allow bare repositories: `git config --global --unset safe.bareRepository`."
    elif "bad config" in said:
        remedy = "Correct that line of the file."
    elif _DAMAGED.search(said):
        remedy = f"Objects of the repository are damaged: `git -C {where} fsck` lists them. Clone the repository again."
    else:
        remedy = f"Run `git -C {where} status`, and correct what it says."
    return ConfigError(hosts_file_name(), "app.repository", f"git cannot read {repository}: {said}", remedy)


def _unknown(repository: Path, ref: str) -> UsageError:
    where = quote(str(repository))
    if not git(repository, "rev-list", "--all", "--max-count=1").stdout:
        return UsageError(
            f"The repository {repository} has no commit yet, so it has no branch {ref}.",
            f"Commit your app first: `git -C {where} add .`, then `git -C {where} commit -m 'First version'`.",
        )
    problem = f"The repository {repository} has no branch, tag or commit {ref}."
    remote = git(repository, "for-each-ref", "--format=%(refname:short)", f"refs/remotes/*/{ref}").stdout.split()
    if remote:
        command = f"git -C {where} branch {quote(ref)} {quote(remote[0])}"
        return UsageError(problem, f"There is {remote[0]}: create the branch with `{command}`.")
    return UsageError(
        problem,
        "Correct app.branch in hosts.toml, or use --branch or --commit. "
        f"`git -C {where} branch` lists the branches, and `git -C {where} fetch` gets newer ones.",
    )


def require_top_folder(app: Target, repository: Path) -> None:
    """Refuse a folder inside a larger repository, unless app.root says where the app is. Raises ConfigError."""
    own = repository / ".git"
    # git takes no notice of a folder .git without HEAD, and looks for a repository above.
    if app.root or own.is_file() or (own / "HEAD").is_file():
        return
    inside = git(repository, "rev-parse", "--show-prefix").stdout.strip().rstrip("/")
    if not inside:
        return
    top = Path(git(repository, "rev-parse", "--show-toplevel").stdout.strip())
    shown = os.path.relpath(top, app.base_dir.resolve()) if app.repository.startswith(".") else str(top)
    shown = shown if shown.startswith((".", "/")) else f"./{shown}"
    raise ConfigError(
        hosts_file_name(),
        "app.repository",
        f"{repository} is a folder inside the repository {top}, and commits contain the whole repository",
        f'Set `repository = "{shown}"` and `root = "{inside}"` in [app].',
    )


def checked_out(repository: Path) -> str:
    """Return the commit that is checked out, "" for a repository without one."""
    return git(repository, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.strip()


def uncommitted_files(repository: Path, root: str, besides: Iterable[str] = ()) -> int:
    """Return the number of changed files in a folder of the checkout that no commit has; new files do not count.

    besides: paths that do not count, relative to the checkout.
    """
    without = [f":(exclude,literal){path}" for path in besides]
    changed = git(repository, "status", "--porcelain", "--untracked-files=no", "--", root or ".", *without)
    return len(changed.stdout.splitlines())
