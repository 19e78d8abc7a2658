"""`fab export.docker`: a Dockerfile and what its build must not see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from selvedge.config.dotenv import build_environment
from selvedge.config.secret_files import SECRET_FILES
from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.packages import install, names_index, over_ssh, versions_from_git
from selvedge.exports.written import ExportFile
from selvedge.project.collection import BASES, FOLDER
from selvedge.resources.code.git import git
from selvedge.resources.code.git_over_ssh import REPLACED, ssh_sentence
from selvedge.resources.code.python import UV_REQUIREMENT
from selvedge.shell.quoting import words

NAME = "docker"
_COMPILERS = re.compile(
    r".*-dev|build-essential|(gcc|g\+\+|clang|gfortran|cpp|llvm)(-[0-9.]+)?|make|cmake|ninja-build|pkgconf|pkg-config|rustc|cargo|"
    r"golang(-go)?|autoconf|automake|libtool|bison|flex|swig|git"
)
"""Debian packages that only a build needs."""
_FROM_PIP = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_TRUSTED_HOST": "UV_INSECURE_HOST"}
"""Variables of pip, and those of uv for the same. Both separate several values by blanks."""


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield the Dockerfile and .dockerignore."""
    packages = sorted(facts.app.machine.packages)
    installed = install(facts)
    versions = installed.builds and versions_from_git(facts)
    server = f"uv pip install {words(*facts.server_packages)}"
    values = {
        "install": installed,
        "git": versions,
        # hadolint wants one instruction RUN in place of several that follow each other.
        "commands": [*installed.first, server, *(() if installed.files else installed.then)],
        # For the patch versions before August 2025, and for Python 3.8, there are no images with Debian 13.
        "debian": "trixie" if re.fullmatch(r"3\.(?!8$)\d+", facts.python) else "bookworm",
        "uv": UV_REQUIREMENT,
        "index": facts.app.mirrors.pypi_url,
        "own_index": names_index(facts),
        "from_pip": _from_pip(facts),
        "build_packages": packages,
        "packages": [each for each in packages if not _COMPILERS.fullmatch(each)],
        "links": [(path.rstrip("/"), PurePosixPath(path).parent.as_posix()) for path in facts.app.shared_paths],
        "folders": shared_folders(facts),
        "code": f"/app/{facts.app.root}".rstrip("/"),
    }
    yield rendered(facts, "Dockerfile", "Dockerfile.j2", NAME, **values)
    ignored = {"git": versions, "secrets": secret_files(facts), "own": _own_folder(facts)}
    yield rendered(facts, ".dockerignore", "dockerignore.j2", NAME, **ignored)


def notes(facts: Facts) -> list[str]:
    """Return the variables that the build of the image does not read, the packages for which it has no key, and ignored files."""
    variables = build_environment(facts.app)
    unread = [name for name in variables if name.startswith("PIP_") and name not in _FROM_PIP and facts.app.installer == "pip"]
    found = []
    if unread:
        text = f"uv installs the packages of the image, and does not read {', '.join(unread)} in app.build_env_file."
        found.append(f"{text} Add uv's own variable, if it has one.")
    if (files := over_ssh(facts)) and REPLACED not in variables:
        found.append(ssh_sentence(files))
    return [*found, *ignored_notes(facts, "image", ".dockerignore")]


def ignored_notes(facts: Facts, what: str, file: str) -> list[str]:
    """Return that committed files are not in the image or upload, because their names usually belong to secrets."""
    own = {facts.inside(each) for each in _secret_settings(facts)}
    paths = [each for each in git(facts.top, "ls-files", "-z").stdout.split("\0") if each and each not in own]
    found = [path for path in paths if any(fnmatchcase(part, name) for part in path.split("/") for name in SECRET_FILES)]
    if not found:
        return []
    named = ", ".join(found[:5]) + ("…" if len(found) > 5 else "")
    text = f"The {what} lacks these committed files, whose names usually belong to secrets ({file}): {named}."
    return [f"{text} To keep one that is public, give it another name, such as ca.crt in place of ca.pem."]


def _from_pip(facts: Facts) -> str:
    """Return shell that gives uv the variables of pip by its own names, if pip installs the packages on the servers."""
    if facts.app.installer != "pip":
        return ""
    names = {pip: uv for pip, uv in _FROM_PIP.items() if pip != "PIP_INDEX_URL" or not names_index(facts)}
    return "".join(f'[ -z "${{{pip}:-}}" ] || export {uv}="${pip}"; ' for pip, uv in names.items())


def _own_folder(facts: Facts) -> str:
    """Return the folder with the project's own tasks and templates, "" without one."""
    return FOLDER if (facts.top / FOLDER / BASES).is_dir() else ""


def secret_files(facts: Facts) -> list[str]:
    """Return patterns for the files of hosts.toml that must not be in an image, relative to the repository.

    These are the variables and the private keys of the app and of each host.
    """
    inside = dict.fromkeys(facts.inside(each) for each in _secret_settings(facts))
    # Docker trims blanks, and `?` is any character.
    return [re.sub(r"([\\*?\[\]#!])", r"\\\1", each).replace(" ", "?") for each in inside if each]


def _secret_settings(facts: Facts) -> list[str]:
    """Return the files with secrets, as the settings of the app and of each host name them."""
    found = []
    for app in (facts.app, *facts.targets):
        found += [app.env_file, app.build_env_file, app.backup.key, app.tls.certificate_key, app.tls.dns_credentials, app.host.key]
    return found


def shared_folders(facts: Facts) -> list[str]:
    """Return the folders that shared paths need below /data: the path itself, or the folder of a file."""
    found = []
    for path in facts.app.shared_paths:
        name = path.rpartition("/")[2]
        folder = PurePosixPath(path).parent if "." in name else PurePosixPath(path)
        found.append(str(folder))
    return sorted({each for each in found if each != "."})
