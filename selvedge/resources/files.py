"""Files, directories and links, and paths that must not exist."""

from __future__ import annotations

import difflib
import hashlib

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, with_input, words


def diff(path: str, before: str, after: str) -> str:
    """Return a unified diff of a file's text, without a final newline."""
    lines = difflib.unified_diff(_rows(before), _rows(after), f"{path} (on the server)", path, lineterm="")
    return "\n".join(lines)


def _rows(text: str) -> list[str]:
    # Only a line feed ends a row: the diff must show a carriage return or a missing newline.
    *rows, last = text.split("\n")
    return [*rows, f"{last}\n\\ No newline at the end"] if last else rows


def _in_the_way(summary: str, path: str, found: str, needed: str) -> Change:
    """Return a change that only fails, because moving a directory away could lose data."""
    problem = f"{path} is {found}, but Selvedge needs {needed} at this path."
    remedy = f"Move it away on the server (`sudo mv {quote(path)} /root/`), then run the same command again."
    return Change.refused(summary, problem, remedy=remedy)


def _octal(mode: str) -> str:
    """Return a mode as `stat -c %a` prints it."""
    return f"{int(mode, 8):o}"


class File(Resource):
    """A file has this text, mode and owner.

    mode: octal digits, e.g. "0644". secret: no script and no diff contains the text; the server returns only its sha256.
    validate: a command that gets the path of the new file as its last argument, and fails if the file is invalid.
    """

    path: str
    text: str
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    secret: bool = False
    validate: str = ""

    def __repr__(self) -> str:
        return f"File({self.path!r}, {self._hash()}, {self.mode}, {self.owner}:{self.group})"

    def _hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} {quote('' if self.secret else self._hash())}"

    def plan(self, fact: str) -> Change | None:
        kind, _, rest = fact.partition("\n")
        digest, _, text = rest.partition("\n")
        wanted = f"file {_octal(self.mode)} {self.owner} {self.group}"
        same_text = kind.startswith("file ") and digest == self._hash()
        if same_text and kind == wanted:
            return None
        if same_text:
            return Change(_set_mode(self), self._set_owner())
        if kind == "absent":
            return self._write(f"create {self.path}", diff(self.path, "", self.text))
        if kind.startswith("directory"):
            return _in_the_way(f"write {self.path}", self.path, "a directory", "a file")
        return self._write(f"write {self.path}", diff(self.path, text, self.text))

    def _set_owner(self) -> str:
        path = quote(self.path)
        return f"chown -h -- {words(self.owner + ':' + self.group)} {path}\nchmod -- {quote(self.mode)} {path}"

    def _write(self, summary: str, changed: str) -> Change:
        target = words(self.path, self.mode, self.owner, self.group)
        check = f"\n{self.validate} {quote(self.path)}" if self.validate else ""
        if self.secret:
            data = self.text.encode()
            return Change(summary, f"head -c {len(data)} <&3 | file_put {target} {len(data)}{check}", payload=data)
        return Change(summary, with_input(f"file_put {target}", self.text) + check, diff=changed)


def _set_mode(resource: File | Directory) -> str:
    return f"set the mode of {resource.path} to {resource.mode} and its owner to {resource.owner}:{resource.group}"


class FileValues(Resource):
    """A package's configuration file gives these names these values, in separate lines at its end.

    Other lines that set one of the names are deleted; comments and everything else stay.
    if_contains: nothing is changed in a file without this word, because programs complain about names that they do not know.
    separator: the text between a name and its value.
    """

    path: str
    values: tuple[tuple[str, str], ...]
    if_contains: str
    separator: str = " "

    def probe(self) -> str:
        return f"grep -sE -e {quote(self._pattern)} -e {quote(self.if_contains)} {quote(self.path)} || true"

    def plan(self, fact: str) -> Change | None:
        names = [name for name, _ in self.values]
        present = [line for line in fact.splitlines() if [*line.replace("=", " ").split(), ""][0] in names]
        wanted = [f"{name}{self.separator}{value}" for name, value in self.values]
        if present == wanted or not any(self.if_contains in line for line in fact.splitlines()):
            return None
        note = f"# Set by `fab harden`: {', '.join(names)}"
        text = "".join(f"{line}\n" for line in [note, *wanted])
        shell = with_input(f"file_set_lines {words(self.path, self._pattern, f'^{note}$')}", text)
        shown = [f"-{line}" for line in present] + [f"+{line}" for line in wanted]
        return Change(f"set {', '.join(names)} in {self.path}", shell, diff="\n".join(shown))

    @property
    def _pattern(self) -> str:
        return rf"^[[:space:]]*({'|'.join(name for name, _ in self.values)})([[:space:]=]|$)"


class Directory(Resource):
    """A directory has this mode and owner. Missing parents are made with mode 0755, owned by root.

    removable: `fab remove` deletes it with all its contents; otherwise it stays, because it may contain the app's data.
    """

    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"
    removable: bool = False

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path,) if self.removable else ()

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == f"directory {_octal(self.mode)} {self.owner} {self.group}":
            return None
        path = quote(self.path)
        # Five digits: with fewer, chmod keeps a directory's set-group-ID bit (coreutils, "Directory setuid and setgid").
        mode = f"{int(self.mode, 8):05o}"
        set_owner = f"chown -- {quote(self.owner + ':' + self.group)} {path}\nchmod -- {mode} {path}"
        if fact.startswith("directory"):
            return Change(_set_mode(self), set_owner)
        if fact.strip() == "absent":
            owner = f"-o {quote(self.owner)} -g {quote(self.group)}"
            return Change(f"create {self.path}/", f"install -d -m {mode} {owner} -- {path}")
        return _in_the_way(f"create {self.path}/", self.path, "not a directory", "a directory")


class Link(Resource):
    """A symbolic link leads to `to`. It is replaced atomically."""

    path: str
    to: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        kind = fact.removesuffix("\n")
        if kind == f"link {self.to}":
            return None
        if kind.startswith("directory"):
            return _in_the_way(f"link {self.path} -> {self.to}", self.path, "a directory", "a link")
        if kind.startswith("file"):
            summary = f"replace the file {self.path} with a link -> {self.to}, and keep a copy"
            return Change(summary, f"file_link {words(self.path, self.to)}")
        return Change(f"link {self.path} -> {self.to}", f"file_link {words(self.path, self.to)}")


class SameLink(Resource):
    """A symbolic link leads where another one leads. Both are relative, and equally deep below the same folder.

    It is for a target that only the server knows. A missing `other` is an error of the step that makes it.
    """

    path: str
    other: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"readlink {quote(self.path)} || echo; readlink {quote(self.other)} || echo"

    def plan(self, fact: str) -> Change | None:
        """Return the change. fact: the targets of both, a line each, empty without a link."""
        here, there = [*fact.split("\n"), ""][:2]
        if here and here == there:
            return None
        shell = f'file_link {quote(self.path)} "$(readlink {quote(self.other)})"'
        return Change(f"link {self.path} to the target of {self.other}", shell)


class Absent(Resource):
    """The path does not exist. A file or link is removed; a directory there is an error."""

    path: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "absent":
            return None
        if fact.startswith("directory"):
            return _in_the_way(f"remove {self.path}", self.path, "a directory", "nothing")
        return Change(f"remove {self.path}", f"file_remove {quote(self.path)}")
