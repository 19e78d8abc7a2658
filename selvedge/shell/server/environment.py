"""What a virtual environment was built from, and which environment fits a release.

This runs on the server as the app's user, with the base Python. Each environment has a record of its inputs: every path of the
checkout that decides what is installed, with a digest of its content or "-" if it is missing. Such an environment fits every
release in which all these paths have the same digests. An environment that has packages built from the checkout (the app's own,
or other folders) also has the digest of the whole checkout, because a build may read any file.
"""

import errno
import hashlib
import json
import os
import stat
import sys

RECORD = "selvedge-inputs.json"
SKIPPED = {"__pycache__", ".git", ".venv"}
# The lines of a package's metadata that decide what is installed with it.
FIELDS = ("Name", "Version", "Requires-Dist", "Requires-Python", "Provides-Extra")


class Tree:
    """The digests of paths in a folder."""

    def __init__(self, top):
        self.top = os.path.realpath(top)
        self._known = {}

    def digest(self, path):
        """Return a digest of a file or folder, with the targets of links in the tree; "-" if it is missing. "" is the tree."""
        return self._digest(os.path.realpath(os.path.join(self.top, path)))

    def _digest(self, path):
        if path not in self._known:
            self._known[path] = "loop"
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path):
        try:
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                names = [name for name in sorted(os.listdir(path)) if name not in SKIPPED and not name.startswith(".selvedge")]
                parts = [f"{name}\0{self._entry(os.path.join(path, name))}\0" for name in names]
                return hashlib.sha256("".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
            if not stat.S_ISREG(status.st_mode):
                return "special"
            content = hashlib.sha256(b"x" if status.st_mode & 0o100 else b"")
            with open(path, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    content.update(block)
            return content.hexdigest()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            return "-"

    def _entry(self, path):
        if not os.path.islink(path):
            return self._digest(path)
        target = os.path.realpath(path)
        return os.readlink(path) + ("\0" + self._digest(target) if target.startswith(self.top + "/") else "")


def find(release, venvs, version, request, commit):
    """Print "same NAME" for an environment that fits, or "renew NAME" if only its packages from the checkout may differ."""
    tree, renewable = Tree(release), None
    for name in sorted(os.listdir(venvs), key=lambda name: os.lstat(os.path.join(venvs, name)).st_mtime, reverse=True):
        found = load(os.path.join(venvs, name))
        if found is None or (found["version"], found["request"]) != (version, request):
            continue
        if any(tree.digest(path) != digest for path, digest in found["paths"].items()):
            continue
        if not found["packages"] or (tree.digest("") == found["tree"] and found.get("commit", "") in ("", commit)):
            print("same", name)
            return
        renewable = renewable or name
    if renewable:
        print("renew", renewable)


def load(venv):
    """Return the record of a complete environment, else None."""
    try:
        with open(os.path.join(venv, RECORD), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    complete = os.path.exists(os.path.join(venv, ".selvedge")) and os.access(os.path.join(venv, "bin/python"), os.X_OK)
    return found if complete else None


def packages(venv):
    """Yield the packages that were installed from a path: the folder of their metadata, the path, and whether it is editable."""
    # Loading it takes as long as all of `find`.
    from urllib.parse import unquote

    for folder in (name for name in site_packages(venv) if os.path.exists(os.path.join(name, "direct_url.json"))):
        with open(os.path.join(folder, "direct_url.json"), encoding="utf-8") as file:
            origin = json.load(file)
        if origin["url"].startswith("file://"):
            path = os.path.normpath(unquote(origin["url"].removeprefix("file://")))
            yield folder, path, origin.get("dir_info", {}).get("editable", False)


def within(path, folder):
    """Return a path relative to a folder, with its links, which may lead elsewhere in the next release. None if it is outside."""
    for each, top in ((path, folder), (os.path.realpath(path), os.path.realpath(folder))):
        if each == top or each.startswith(top + "/"):
            return each[len(top) + 1 :]
    return None


def site_packages(venv):
    """Return the paths in the folder site-packages of an environment."""
    import glob

    return sorted(glob.glob(glob.escape(venv) + "/lib/python*/site-packages/*"))


def metadata(text, own, work, folder):
    """Return a digest of what decides what is installed with a package: its metadata, and its settings for uv.

    folder: that of the package in the checkout, "" for the top. own: it is the app itself, whose version does not matter.
    """
    # The address of another package in the checkout has the path of the build.
    text = text.replace(os.path.realpath(work), "")
    names = set(FIELDS) - ({"Version"} if own else set())
    kept = [line for line in text.partition("\n\n")[0].splitlines() if line.partition(":")[0] in names]
    kept += uv_settings(os.path.join(work, "source"), folder)
    return hashlib.sha256("\n".join(kept).encode("utf-8", "surrogateescape")).hexdigest()


def uv_settings(source, folder):
    """Return the tables of uv in the pyproject.toml of a folder and its parents: they say where dependencies come from."""
    import re

    found, folder = [], os.path.join(folder, "x")
    while os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
        try:
            with open(os.path.join(source, folder, "pyproject.toml"), encoding="utf-8", errors="surrogateescape") as file:
                found += re.findall(r"^\[+tool\.uv\b.*?(?=^\[|\Z)", file.read(), re.MULTILINE | re.DOTALL)
        except OSError:
            pass
    return found


def installed(venv, work, root):
    """Succeed if the app's own package is in the environment."""
    own = os.path.realpath(os.path.join(work, "source", root))
    sys.exit(own not in [os.path.realpath(path) for _, path, _ in packages(venv)])


def record(venv, work, release, root, version, request, commit):
    """Write the record of a new environment."""
    tree, source, built = Tree(release), os.path.join(work, "source"), {}
    with open(os.path.join(work, "inputs"), encoding="utf-8") as file:
        paths = [*json.load(file), *paths_in_variables(source)]
    for folder, path, _ in packages(venv):
        own = os.path.realpath(path) == os.path.realpath(os.path.join(source, root))
        inside = root if own else within(path, source)
        name = path if inside is None else inside
        if os.path.isdir(path):
            with open(os.path.join(folder, "METADATA"), encoding="utf-8", errors="surrogateescape") as file:
                built[name] = metadata(file.read(), name == root, work, name)
        else:
            paths.append(name)
    if os.path.exists(os.path.join(work, "unbuilt")):
        built[root] = "-"
    digests = {path: "?" if path == "?" else tree.digest(path) for path in paths}
    found = {"version": version, "request": request, "paths": digests, "packages": built, "tree": tree.digest("") if built else ""}
    # A version from git may change with a tag.
    finish(venv, work, {**found, "commit": commit if os.path.exists(os.path.join(source, ".git")) else ""})


def paths_in_variables(source):
    """Yield the files of the checkout that variables of the installer name, such as PIP_CONSTRAINT=constraints.txt."""
    for name, value in os.environ.items():
        for part in value.split() if name.startswith(("PIP_", "UV_")) else ():
            if os.path.exists(part) and within(os.path.abspath(part), source):
                yield within(os.path.abspath(part), source)


def finish(venv, work, found):
    """Check that nothing in an environment leads out of it, and write its record."""
    for name in site_packages(venv):
        if name.endswith((".pth", ".egg-link")) or os.path.basename(name).startswith("__editable__"):
            with open(name, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
                if work in text or os.path.realpath(work) in text:
                    sys.exit(f"{os.path.basename(name)} leads to the folder in which the environment is built")
    for folder, path, editable in packages(venv):
        if editable:
            sys.exit(f"{os.path.basename(folder)} is installed as editable")
        # The folder is deleted after the build.
        if within(path, work):
            os.unlink(os.path.join(folder, "direct_url.json"))
    with open(os.path.join(venv, RECORD + ".new"), "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(os.path.join(venv, RECORD + ".new"), os.path.join(venv, RECORD))


def parts(venv):
    """Print the folders of the checkout from which an environment has packages, a line each: "./" and the path."""
    for path in sorted(load(venv)["packages"]):
        print("./" + path)


def fits(venv, work, root):
    """Succeed if the wheels in `work`, in the order of `parts`, need the same packages as those in the environment."""
    import zipfile

    for number, (path, known) in enumerate(sorted(load(venv)["packages"].items()), 1):
        folder, text = os.path.join(work, "dist", str(number)), "-"
        for wheel in os.listdir(folder) if os.path.isdir(folder) else ():
            if wheel.endswith(".whl"):
                with zipfile.ZipFile(os.path.join(folder, wheel)) as file:
                    name = next(name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
                    text = metadata(file.read(name).decode("utf-8", "surrogateescape"), path == root, work, path)
        if text != known:
            sys.exit(1)


def renewed(base, venv, work, release, commit):
    """Write the record of an environment that has the packages of `base`, and those of the checkout from this release."""
    found = load(base)
    finish(venv, work, {**found, "tree": Tree(release).digest(""), "commit": found.get("commit", "") and commit})


if __name__ == "__main__":
    commands = (find, installed, record, parts, fits, renewed)
    {command.__name__: command for command in commands}[sys.argv[1]](*sys.argv[2:])
