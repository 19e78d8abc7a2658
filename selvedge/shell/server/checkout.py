"""A copy of a release's checkout, from which an installer builds a virtual environment.

This runs on the server as the app's user, who owns the copy: builds may write there. It turns the requirements files of the copy
into a form that every installer reads, and writes the list `inputs`: every path that decides what is installed, relative to the
checkout; "" for the whole checkout, and "?" for a file on the network.
"""

import glob
import json
import os
import re
import shutil
import sys
import urllib.parse
import urllib.request

SKIPPED = {"__pycache__", ".git", ".venv"}
# Files that installers and build backends look for in the app's folder and its parents.
NAMES = (
    "pyproject.toml", "setup.py", "setup.cfg", "hatch.toml", "requirements.txt", "uv.lock", "uv.toml", "pylock.toml", "pdm.lock",
    "pdm.toml", "poetry.lock", "poetry.toml", "Pipfile", "Pipfile.lock", "environment.yml", "environment.yaml", "pip.conf",
    ".python-version", ".python-versions",
)  # fmt: skip
ENCODINGS = (
    (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)  # fmt: skip


def copy(release, work, root, lock):
    """Copy a release to the folder `source` of `work`, with new times: the installer may write there.

    lock: the file that the installer begins with, in the folder `root`.
    """
    source = os.path.join(work, "source")
    shutil.copytree(release, source, symlinks=True, ignore=skipped, copy_function=shutil.copy)
    folders = [root]
    while folders[-1]:
        folders.append(os.path.dirname(folders[-1]))
    keep_inputs(work, [os.path.join(folder, name) for folder in folders for name in (*NAMES, lock)])


def skipped(_folder, names):
    """Return the names that are no part of the code: among them Selvedge's own marks, which only root reads."""
    return {name for name in names if name in SKIPPED or name.startswith(".selvedge")}


def keep_inputs(work, more):
    """Add paths to the inputs of the build, with "" for the whole checkout."""
    path = os.path.join(work, "inputs")
    known = inputs(work) if os.path.exists(path) else []
    with open(path, "w", encoding="utf-8") as file:
        json.dump(sorted({*known, *more}), file)


def inputs(work):
    """Return the paths that the build has read so far."""
    with open(os.path.join(work, "inputs"), encoding="utf-8") as file:
        return json.load(file)


class Requirements:
    """The reading of a requirements file, and of those that it includes, by pip's parser. It prepares them for any installer.

    They become UTF-8. An editable line becomes an ordinary one. A file that includes itself is read once.
    """

    def __init__(self, work, folder):
        find_pip()
        from pip._internal.req import req_file

        self.work, self.root = os.path.realpath(work), os.path.realpath(folder)
        self.pip, self.parse = req_file, req_file.get_line_parser(None)
        self.found, self.open = set(), []

    def read(self, path):
        """Read and rewrite one file."""
        path = os.path.realpath(path)
        self.found.add(path)
        with open(path, "rb") as file:
            raw = file.read()
        text = decode(raw)
        self.open.append(path)
        lines, changed = [], raw != text.encode() or b"\r" in raw
        for number, line in self.pip.ignore_comments(self.pip.join_lines(enumerate(text.splitlines(), 1))):
            new = self.line(os.path.dirname(path), line)
            changed = changed or new != line
            lines += [*[""] * (number - 1 - len(lines)), new]
        self.open.pop()
        if changed and within(path, self.work):
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")

    def line(self, folder, line):
        """Return the line for the installer, and note what it names."""
        arguments, options = self.parse(line)
        if "${" in line and not re.search(r"\w+://", line.replace("file://", "")):
            self.found.add("")
        for included in [*options.requirements, *options.constraints]:
            path = self.local(included, folder)
            if path in self.open:
                return ""
            if path not in self.found and (path is None or os.path.isfile(path)):
                # What a server on the network sends is not in the repository.
                self.found.add("?") if path is None else self.read(path)
        places = (self.root, folder)
        indexes = [options.index_url or "", *(options.extra_index_urls or [])]
        for name in [*indexes, *(options.find_links or []), *options.editables]:
            self.found.update(filter(None, (self.local(name, place) for place in places)))
        for path in (self.local(arguments.partition(" @ ")[2] or arguments, place) for place in places):
            if path and ("/" in arguments or arguments.startswith(".") or os.path.isfile(path)):
                self.found.add(path)
        return self.ordinary(line, options.editables)

    def ordinary(self, line, editables):
        """Return an editable line as an ordinary one. A path without a slash would be the name of a package."""
        rest = re.sub(r"^\s*(-e|--editable)[ =]*", "", line).strip() if editables else line
        if editables and rest[:1] in ("'", '"'):
            rest = editables[0]
        if editables and "/" not in rest and not rest.startswith(".") and self.local(editables[0], self.root):
            return "./" + rest
        return rest

    def local(self, name, folder):
        """Return the existing path that a requirement or an option names, "" without one, None for an address on the network."""
        name = re.split(r"\s*;|\s+--|\s+#", name.strip())[0].strip()
        if name.startswith("file:"):
            name = urllib.request.url2pathname(urllib.parse.urlsplit(name).path)
        elif "://" in name:
            return None
        for each in filter(None, (name, re.sub(r"\[[^\]]*\]$", "", name))):
            found = os.path.realpath(os.path.join(folder, each))
            if os.path.exists(found):
                return found
        return ""


def decode(raw):
    """Return the text of a requirements file, as pip decodes it."""
    for mark, encoding in ENCODINGS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding) if encoding == "utf-8" else raw.decode(encoding)
    for line in raw.split(b"\n")[:2]:
        declared = re.search(rb"coding[:=]\s*([-\w.]+)", line) if line.startswith(b"#") else None
        if declared:
            return raw.decode(declared[1].decode("ascii"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read(work, folder, path):
    """Prepare a requirements file, and note each file and folder that it names. If that fails, everything counts."""
    try:
        reading = Requirements(work, folder)
        reading.read(path)
        found = reading.found
    except Exception as error:
        print(f"cannot tell which files {os.path.basename(path)} includes, so that every change of the repository counts: {error}")
        found = {""}
    source = os.path.realpath(os.path.join(work, "source"))
    # A file that an export wrote is no input: the lock is. Folders of projects become packages, which the environment's record has.
    exported = os.path.join(os.path.realpath(work), "requirements.txt")
    paths = {each for each in found - {"", "?", exported} if not can_be_built(each, True)}
    keep_inputs(work, {*(found & {"", "?"}), *(relative(each, source) for each in paths)})


def relative(path, source):
    """Return a real path relative to the checkout's copy if it is in there: "" for the copy itself."""
    return os.path.relpath(path, source).replace(".", "", os.path.relpath(path, source) == ".") if within(path, source) else path


def within(path, folder):
    """Return whether a real path is in a folder, or the folder itself."""
    return path == folder or path.startswith(folder + "/")


def can_be_built(folder, named=False):
    """Return whether a folder has a project that is a package. A project that requirements name is one in any case."""
    if os.path.isfile(os.path.join(folder, "setup.py")):
        return True
    try:
        with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
            project = toml().load(file)
    except (OSError, ValueError):
        return False
    tools = project.get("tool", {})
    package = tools.get("uv", {}).get("package")
    if package is not None and not named:
        return package
    declined = tools.get("poetry", {}).get("package-mode") is False or tools.get("pdm", {}).get("distribution") is False
    dynamic = "dependencies" in project.get("project", {}).get("dynamic", [])
    return named or dynamic or ("build-system" in project and not declined)


def find_pip():
    """Make Python's own copy of pip importable, which ensurepip installs. Debian has it in another folder."""
    import ensurepip

    bundled = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
    sys.path[:0] = bundled or glob.glob("/usr/share/python-wheels/pip-*.whl")


def toml():
    """Return a parser of TOML. Python 3.10 and older have one in pip."""
    try:
        import tomllib
    except ImportError:
        find_pip()
        from pip._vendor import tomli as tomllib
    return tomllib


def builds(folder):
    """Succeed if a folder has a project that is a package."""
    sys.exit(not can_be_built(folder))


if __name__ == "__main__":
    {command.__name__: command for command in (copy, read, builds)}[sys.argv[1]](*sys.argv[2:])
