"""Files, directories, links and what must not be there."""

from __future__ import annotations

import difflib
import hashlib
from pathlib import PurePosixPath

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import document, quote, words


def diff(path: str, before: str, after: str) -> str:
    """A unified diff of a file's text, without a final newline."""
    lines = difflib.unified_diff(_rows(before), _rows(after), f"{path} (on the server)", path, lineterm="")
    return "\n".join(lines)


def _rows(text: str) -> list[str]:
    # Only a line feed ends a row: a carriage return or a missing end is a difference that must be seen.
    *rows, last = text.split("\n")
    return [*rows, f"{last}\n\\ No newline at the end"] if last else rows


def _octal(mode: str) -> str:
    """A mode as `stat -c %a` prints it."""
    return f"{int(mode, 8):o}"


class File(Resource):
    """A file with this text, mode and owner.

    mode: octal digits, e.g. "0644". secret: the text never stands in a script, a diff or a hash that leaves the server's
    own reading; only its sha256 comes back and is compared here.
    validate: a command that gets the path of the new file as its last argument and refuses it by its exit status.
    """

    path: str
    text: str
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    secret: bool = False
    validate: str = ""

    def __repr__(self) -> str:
        return f"File({self.path!r}, {self._sum()}, {self.mode}, {self.owner}:{self.group})"

    def _sum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} {quote('' if self.secret else self._sum())}"

    def plan(self, fact: str) -> Change | None:
        kind, _, rest = fact.partition("\n")
        standing, _, text = rest.partition("\n")
        wanted = f"file {_octal(self.mode)} {self.owner} {self.group}"
        same_text = kind.startswith("file ") and standing == self._sum()
        if same_text and kind == wanted:
            return None
        if same_text:
            return Change(f"set {self.path} to mode {self.mode}, {self.owner}:{self.group}", self._own())
        if kind == "absent":
            return self._write(f"create {self.path}", diff(self.path, "", self.text))
        if kind.startswith("directory"):
            return Change(
                f"write {self.path}",
                f"step_fail {quote(self.path + ' is a directory; a file must stand there: move it away')}",
            )
        return self._write(f"write {self.path}", diff(self.path, text, self.text))

    def _own(self) -> str:
        path = quote(self.path)
        return f"chown -h -- {words(self.owner + ':' + self.group)} {path}\nchmod -- {quote(self.mode)} {path}"

    def _write(self, summary: str, changed: str) -> Change:
        target = words(self.path, self.mode, self.owner, self.group)
        check = f"\n{self.validate} {quote(self.path)}" if self.validate else ""
        if self.secret:
            data = self.text.encode()
            return Change(summary, f"head -c {len(data)} <&3 | file_put {target} {len(data)}{check}", payload=data)
        source = document(self.text)
        if source.startswith("cat <<"):
            first, _, rest = source.partition("\n")
            shell = f"file_put {target} {first.removeprefix('cat ')}\n{rest}{check}"
        else:
            shell = f"{source} | file_put {target}{check}"
        return Change(summary, shell, diff=changed)


class Entries(Resource):
    """In a file that belongs to a package, these names have these values, in lines of their own at its end.

    Other lines that give one of the names a value go; comments and all the rest stay as they are.
    where: a word that the file must hold, else nothing is changed: programs that do not know a name complain of it.
    between: what stands between a name and its value.
    """

    path: str
    values: tuple[tuple[str, str], ...]
    where: str
    between: str = " "

    def probe(self) -> str:
        return f"grep -sE -e {quote(self._pattern)} -e {quote(self.where)} {quote(self.path)} || true"

    def plan(self, fact: str) -> Change | None:
        names = [name for name, _ in self.values]
        standing = [line for line in fact.splitlines() if [*line.replace("=", " ").split(), ""][0] in names]
        wanted = [f"{name}{self.between}{value}" for name, value in self.values]
        if standing == wanted or not any(self.where in line for line in fact.splitlines()):
            return None
        note = f"# By `fab harden`: {', '.join(names)}"
        text = "".join(f"{line}\n" for line in [note, *wanted])
        kept = f"grep -Ev -e {quote(self._pattern)} -e {quote(f'^{note}$')} {quote(self.path)} || :"
        shell = f"{{ {kept}\n{document(text)}\n}} | file_put {words(self.path, '0644', 'root', 'root')}"
        shown = [f"-{line}" for line in standing] + [f"+{line}" for line in wanted]
        return Change(f"set {', '.join(names)} in {self.path}", shell, diff="\n".join(shown))

    @property
    def _pattern(self) -> str:
        return rf"^[[:space:]]*({'|'.join(name for name, _ in self.values)})([[:space:]=]|$)"


class Directory(Resource):
    """A directory with this mode and owner; its parents are made with mode 0755, root's."""

    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == f"directory {_octal(self.mode)} {self.owner} {self.group}":
            return None
        path = quote(self.path)
        # Five digits: with fewer, chmod leaves a directory's set-group-ID bit as it is (coreutils, "Directory setuid and setgid").
        mode = f"{int(self.mode, 8):05o}"
        own = f"chown -- {quote(self.owner + ':' + self.group)} {path}\nchmod -- {mode} {path}"
        if fact.startswith("directory"):
            return Change(f"set {self.path} to mode {self.mode}, {self.owner}:{self.group}", own)
        if fact.strip() == "absent":
            owner = f"-o {quote(self.owner)} -g {quote(self.group)}"
            return Change(f"create {self.path}/", f"install -d -m {mode} {owner} -- {path}")
        problem = f"{self.path} is not a directory; one must stand there: move it away"
        return Change(f"create {self.path}/", f"step_fail {quote(problem)}")


class Link(Resource):
    """A symbolic link, moved into place at once."""

    path: str
    to: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        kind = fact.removesuffix("\n")
        if kind == f"link {self.to}":
            return None
        if kind.startswith("directory"):
            problem = f"{self.path} is a directory; a link must stand there: move it away"
            return Change(f"link {self.path}", f"step_fail {quote(problem)}")
        fresh = quote(f"{PurePosixPath(self.path).parent}/.selvedge.link")
        shell = (
            f"file_keep {quote(self.path)}\nmkdir -p -- {quote(str(PurePosixPath(self.path).parent))}\n"
            f"ln -sfn -- {quote(self.to)} {fresh}\nmv -fT -- {fresh} {quote(self.path)}"
        )
        return Change(f"link {self.path} -> {self.to}", shell)


class Absent(Resource):
    """Nothing stands at this path; a directory is not removed, but refused."""

    path: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "absent":
            return None
        if fact.startswith("directory"):
            problem = f"{self.path} is a directory; nothing must stand there: move it away"
            return Change(f"remove {self.path}", f"step_fail {quote(problem)}")
        return Change(f"remove {self.path}", f"file_keep {quote(self.path)}\nrm -f -- {quote(self.path)}")
