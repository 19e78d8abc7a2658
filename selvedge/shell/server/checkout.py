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
PROJECTS = ("pyproject.toml", "setup.py", "setup.cfg")
# Files that installers and build backends look for in the app's folder and its parents.
NAMES = (
    "pyproject.toml", "setup.py", "setup.cfg", "hatch.toml", "requirements.txt", "requirements.lock", "uv.lock", "uv.toml",
    "pylock.toml", "pdm.lock", "pdm.toml", "poetry.lock", "poetry.toml", "Pipfile", "Pipfile.lock", "environment.yml",
    "environment.yaml", "pip.conf", ".python-version", ".python-versions",
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
    found = [os.path.join(folder, name) for folder in folders for name in (*NAMES, lock)]
    for folder in folders:
        found += [relative(path, source) for path in packages_of(os.path.join(source, folder))]
    # A project in another folder than the app's: its build may read any file there.
    if os.path.dirname(lock) and lock.endswith((".toml", ".lock", ".py")):
        found.append(os.path.join(root, os.path.dirname(lock)))
    keep_inputs(work, found)


def packages_of(folder):
    """Yield the existing paths from which uv takes packages by its settings in a folder: local indexes, folders of wheels."""
    for name in ("pyproject.toml", "uv.toml"):
        data = read_toml(os.path.join(folder, name))
        data = table(data, "tool", "uv") if name == "pyproject.toml" else data
        for settings in (data, table(data, "pip"), *items(data.get("index"))):
            for key in ("find-links", "url", "index-url", "extra-index-url") if isinstance(settings, dict) else ():
                for each in items(settings.get(key)):
                    yield from filter(None, [existing(each, folder)] if isinstance(each, str) else ())


def table(data, *keys):
    """Return a table inside a table, empty if it is missing or no table: uv itself says what is wrong in its settings."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def items(value):
    """Return a list, with one item if the value is no list."""
    return value if isinstance(value, list) else [value]


def skipped(folder, names):
    """Return the names that are no part of the code.

    They are Selvedge's own marks, which only root reads, and files of an earlier build in a folder `build`: setuptools would
    install those in place of the code.
    """
    above = os.path.dirname(folder)
    built = os.path.basename(folder) == "build" and any(os.path.exists(os.path.join(above, name)) for name in PROJECTS)
    output = re.compile(r"(lib|bdist)(\.|$)")
    return {name for name in names if name in SKIPPED or name.startswith(".selvedge") or (built and output.match(name))}


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

        self.work, self.root = work, folder
        self.pip, self.parse = req_file, req_file.get_line_parser(None)
        self.found, self.known, self.open = set(), set(), []

    def read(self, path):
        """Read and rewrite one file."""
        self.found.add(path)
        with open(path, "rb") as file:
            raw = file.read()
        text = decode(raw)
        self.open.append(identity(path))
        self.known.add(identity(path))
        lines, changed = [], raw != text.encode() or b"\r" in raw
        for number, line in self.pip.ignore_comments(self.pip.join_lines(enumerate(text.splitlines(), 1))):
            new = self.line(os.path.dirname(path), line)
            changed = changed or new != line
            lines += [*[""] * (number - 1 - len(lines)), new]
        self.open.pop()
        if changed and within(os.path.realpath(path), os.path.realpath(self.work)):
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")

    def line(self, folder, line):
        """Return the line for the installer, and note what it names."""
        arguments, options = self.parse(line)
        if "${" in line and not re.search(r"\w+://", line.replace("file://", "")):
            self.found.add("")
        for included in [*options.requirements, *options.constraints]:
            path = existing(included, folder)
            if path and identity(path) in self.open:
                return ""
            if path is None:
                # What a server on the network sends is not in the repository.
                self.found.add("?")
            elif os.path.isfile(path) and identity(path) not in self.known:
                self.read(path)
        places = (self.root, folder)
        indexes = [options.index_url or "", *(options.extra_index_urls or [])]
        for name in [*indexes, *(options.find_links or [])]:
            self.found.update(filter(None, (existing(name, place) for place in places)))
        # Folders of projects become packages, which the environment's record has.
        for name in (*options.editables, arguments.partition(" @ ")[2] or arguments):
            for path in filter(None, (existing(name, place) for place in places)):
                is_path = options.editables or "/" in name or name.startswith(".") or os.path.isfile(path)
                if is_path and not can_be_built(path, True):
                    self.found.add(path)
        return self.ordinary(line, options.editables)

    def ordinary(self, line, editables):
        """Return an editable line as an ordinary one. A path without a slash would be the name of a package."""
        if not editables:
            return line
        rest = re.sub(r"^\s*(-e|--editable)[ =]*", "", line).strip()
        if rest[:1] in ("'", '"'):
            rest = editables[0]
        # Rye writes "file:." for the app itself.
        if not rest.startswith("file:/"):
            rest = rest.removeprefix("file:")
        return rest if "/" in rest or rest.startswith(".") else f"./{rest}"


def identity(path):
    """Return a path whose folder has no links. A linked file includes others from the folder of the link."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def existing(name, folder):
    """Return the existing path that a requirement or an option names, "" without one, None for an address on the network."""
    name = re.split(r"\s*;|\s+--|\s+#", name.strip())[0].strip()
    if name.startswith("file:"):
        name = urllib.request.url2pathname(urllib.parse.urlsplit(name).path)
    elif "://" in name:
        return None
    for each in filter(None, (name, re.sub(r"\[[^\]]*\]$", "", name))):
        found = os.path.join(folder, each)
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
    paths = (relative(each, os.path.join(work, "source")) for each in found - {"", "?"})
    # A file beside the copy, which an export wrote, is no input: the lock is.
    keep_inputs(work, {*(found & {"", "?"}), *(path for path in paths if not within(path, os.path.realpath(work)))})


def relative(path, source):
    """Return a path relative to the checkout's copy, with its links, which may lead elsewhere in the next release.

    "" is the copy itself. Outside it, return the real path.
    """
    real = os.path.realpath(path)
    if not within(real, os.path.realpath(source)):
        return real
    return path.removeprefix(source).strip("/") if within(path, source) else os.path.relpath(real, os.path.realpath(source))


def within(path, folder):
    """Return whether a real path is in a folder, or the folder itself."""
    return path == folder or path.startswith(folder + "/")


def can_be_built(folder, named=False):
    """Return whether a folder has a project that is a package. A project that requirements name is one in any case."""
    if os.path.isfile(os.path.join(folder, "setup.py")):
        return True
    path = os.path.join(folder, "pyproject.toml")
    project = read_toml(path)
    if not project and not (named and os.path.isfile(path)):
        return False
    package = table(project, "tool", "uv").get("package")
    if isinstance(package, bool) and not named:
        return package
    declined = (table(project, "tool", tool).get(key) for tool, key in (("poetry", "package-mode"), ("pdm", "distribution")))
    declined = any(each is False for each in declined)
    dynamic = "dependencies" in items(table(project, "project").get("dynamic"))
    return named or dynamic or ("build-system" in project and not declined)


def find_pip():
    """Make Python's own copy of pip importable, which ensurepip installs. Debian has it in another folder."""
    import ensurepip

    bundled = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
    sys.path[:0] = bundled or glob.glob("/usr/share/python-wheels/pip-*.whl")


def read_toml(path):
    """Return the tables of a TOML file, none if it is missing, no file, or no TOML. Python 3.10 and older have a parser in pip."""
    try:
        import tomllib
    except ImportError:
        find_pip()
        from pip._vendor import tomli as tomllib
    if not os.path.isfile(path):
        return {}
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError, RecursionError):
        return {}


def builds(folder):
    """Succeed if a folder has a project that is a package."""
    sys.exit(not can_be_built(folder))


if __name__ == "__main__":
    {command.__name__: command for command in (copy, read, builds)}[sys.argv[1]](*sys.argv[2:])
