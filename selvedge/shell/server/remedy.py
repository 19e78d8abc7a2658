"""Find the app's error in its output, and what to do about it.

Standard input: the output, without the values of the environment. Arguments: the app's folder in its release, its folder `shared`,
app.strategy ("migration": it is the output of a migration), the number of workers (0: unknown), and the process manager. Prints
two lines, each may be empty: the exception, and the remedy.
"""

import collections
import contextlib
import os
import re
import sys
from pathlib import Path

# The last line of a traceback: "package.SomeError: text".
ERROR = re.compile(r"^[ |]*(?:\w+\.)*(?P<name>[A-Z]\w*(?:Error|Exception|Exit|Refused)|Timeout|[a-z]\w+error)(?:: (?P<text>.*))?$")
LAST = re.compile(r"^(?:\w+\.)*(?P<name>[A-Za-z_]\w*)(?:: (?P<text>.*))?$")
# Exceptions that only follow from another one, or from the end of a process.
FOLLOWS = ("HaltServer", "CancelledError", "KeyboardInterrupt", "SystemExit")
PROGRAM = re.compile(
    r"No (\w+) executable found|(\w+) is not installed or it's not in your PATH|failed to execute (?:PosixPath\()?'([\w./-]+)'"
    r"|Is (poppler) installed|(?:[Cc]annot|[Cc]ould not|[Cc]ouldn't) find (ffmpeg|ffprobe|chromedriver|pandoc)\b"
)
# Programs whose package has another name in Debian and Ubuntu.
PACKAGES = {
    "7z": "p7zip-full", "chromedriver": "chromium-driver", "convert": "imagemagick", "dot": "graphviz", "exiftool":
    "libimage-exiftool-perl", "ffprobe": "ffmpeg", "google-chrome": "chromium", "gs": "ghostscript", "identify": "imagemagick",
    "java": "default-jre-headless", "libreoffice": "libreoffice-core", "magick": "imagemagick", "mysqldump": "default-mysql-client",
    "node": "nodejs", "npx": "npm", "pdfinfo": "poppler-utils", "pdftoppm": "poppler-utils", "pdftotext": "poppler-utils",
    "pg_dump": "postgresql-client", "poppler": "poppler-utils", "psql": "postgresql-client", "redis-cli": "redis-tools",
    "soffice": "libreoffice-core", "tesseract": "tesseract-ocr", "xvfb-run": "xvfb",
}  # fmt: skip
LOCKED = re.compile(
    r"lock(ed|file)?\b.*(held|taken|acquired|unavailable)|could not (set|acquire|get) lock|database is locked|\bLockError"
    r"|AlreadyLocked|already (accessed|locked)|instance (is )?already running|another instance|LockException", re.IGNORECASE,
)  # fmt: skip
SQLITE_TEXT = re.compile(r"unable to open database file|attempt to write a readonly database|readonly database")
SQLITE_PATH = re.compile(r"""sqlite(?:\+\w+)?:///([^"'\s?#)]+)|connect\(\s*f?["']([^"':]+\.(?:db|sqlite3?))["']""")
REFUSED = re.compile(r"connection refused|connect call failed|\[Errno 111\]|could not connect|connection to server", re.I)
IN_PACKAGES = re.compile(r'Set packages = \["(.+?)"\] under \[server\] in hosts.toml')
CODE = (".py", ".ini", ".toml", ".cfg", ".yaml", ".yml")
# output: all of it. name, words: the last exception. The others: the program's arguments.
Failure = collections.namedtuple("Failure", "output name words folder shared strategy workers manager")


def main(folder, *others):
    """Return the exception and the remedy."""
    output = sys.stdin.buffer.read().decode(errors="replace")
    name, words = find_error(output)
    failure = Failure(output, name, words, Path(os.path.realpath(folder)), *others)
    rules = (walled, program, low_port, shared_kind, read_only, taken, crashed, missing_variable, unreachable, limits, system_data)
    remedy = next(filter(None, (rule(failure) for rule in rules)), "")
    if failure.manager == "docker":
        remedy = IN_PACKAGES.sub(r"Install \1 in the Dockerfile", remedy).replace("The server ", "The image ")
    return f"{name}: {words}" if words else name, remedy


def find_error(text):
    """Return the name and the text of the last exception in the output, two empty strings without one."""
    found, start = [], None
    for line in text.splitlines():
        traceback = re.match(r"([ |+]*)(?:Exception Group )?Traceback \(most recent call last\):$", line)
        if traceback:
            start = traceback[1].replace("+", "|")
            continue
        match = ERROR.match(line)
        if not match and start is not None and line.startswith(start):
            # The first line that is not indented ends a traceback, whatever its exception is called.
            match = LAST.match(line[len(start) :])
        if match:
            found.append(match)
            start = None
    own = [match for match in found if match["name"] not in FOLLOWS]
    return (own[-1]["name"], (own[-1]["text"] or "").strip().rstrip(".")) if own else ("", "")


def quoted(text):
    """Return the first quoted path or name in a text, "" without one."""
    found = re.search(r"""'([^']+)'|"([^"]+)\"""", text)
    return (found[1] or found[2]) if found else ""


def walled(failure):
    """A restriction of systemd's unit or of the container is in the way, which [box] in hosts.toml can lift."""
    words, open_wall = failure.words, "The app runs under systemd's restrictions. To lift this one, set {} in [box] of hosts.toml"
    path = quoted(words)
    if failure.manager == "docker":
        return contained(failure, path)
    path = path if path.startswith("/") else ""
    if failure.manager != "systemd":
        return ""
    if path.startswith("/proc/") or failure.name in ("ZombieProcess", "NoSuchProcess") or "Load averages are" in words:
        return open_wall.format("proc = true")
    if re.search(r"No usable sandbox|move to new namespace|\bunshare\b", failure.output):
        return open_wall.format("namespaces = true")
    if "failed to map segment from shared object" in words:
        return open_wall.format("execute = true")
    if "Address family not supported" in words:
        return open_wall.format("netlink = true")
    if path.startswith("/dev/"):
        return open_wall.format("devices = true")
    if path.startswith(("/home/", "/root/")):
        return open_wall.format("home = true")
    if re.search(r"_execute_child|execv", failure.output) and path.startswith((failure.shared, "/tmp/", "/var/tmp/", "/dev/shm/")):
        return open_wall.format("execute = true")
    if re.search(r"\b(setrlimit|os\.nice|setpriority|sched_setaffinity|cpu_affinity)\(", failure.output) and "Errno 1]" in words:
        return open_wall.format("resources = true")
    if path and "[Errno 30]" in words and failure.folder not in Path(os.path.normpath(path)).parents:
        return open_wall.format(f'write = ["{Path(path).parent}"]') + f", or let the app write to {failure.shared} (APP_SHARED)"
    return ""


def contained(failure, path):
    """Return the remedy for what differs in a container: its files, its /tmp and its network. path: the one in the error."""
    if "failed to map segment from shared object" in failure.words or ("Errno 13]" in failure.words and path.startswith("/tmp/")):
        return "The app may execute no files in /tmp. To lift this restriction, set execute = true in [box] of hosts.toml"
    if "Errno 13]" in failure.words and path and not path.startswith(failure.shared):
        return f"The app's user may not read {path} in the image. Add `RUN chmod -R a+rX .` after the COPY in the Dockerfile"
    if REFUSED.search(failure.words) and re.search(r"localhost|127\.0\.0\.1|::1", failure.words):
        return "In a container, localhost is the container. Name the service's own address, or host.docker.internal for the server"
    return ""


def program(failure):
    """The app starts a program that the server does not have, or that is not executable."""
    path = quoted(failure.words)
    if re.search(r"_execute_child|execv", failure.output) and path:
        whole = failure.folder / path
        if "[Errno 2]" in failure.words and "/" not in path:
            return package(path)
        if "[Errno 13]" in failure.words and failure.folder in Path(os.path.normpath(whole)).parents and whole.is_file():
            return f"The file is not executable in the commit. Run `git update-index --chmod=+x {path}`, and commit"
    found = PROGRAM.search(failure.words)
    return package(Path(next(filter(None, found.groups()))).name) if found else ""


def package(name):
    """Return the remedy for a program that is not installed."""
    return f'The server has no program {name}. Set packages = ["{PACKAGES.get(name, name)}"] under [server] in hosts.toml'


def low_port(failure):
    """The app opens a port that only root may open."""
    low = "[Errno 13]" in failure.words and re.search(r"bind on address|\.bind\(|sock_bind", failure.output)
    return "Only root may open ports below 1024. Let the app open a higher one; visitors reach the app through nginx" if low else ""


def shared_kind(failure):
    """A path of app.shared_paths is a folder and should be a file, or the other way round."""
    path = quoted(failure.words)
    whole = failure.folder / path
    if not path or not whole.is_symlink() or not within(whole, failure.shared):
        return ""
    inside = os.path.relpath(whole, failure.folder)
    if failure.name == "FileExistsError" and not whole.exists():
        return f'Write "{inside}/" in app.shared_paths, with a / at its end: without it, a name with a dot is a file'
    folder = failure.name == "IsADirectoryError"
    return f"It is a folder in {failure.shared}, because its name has no dot. Let the app use a name with one" if folder else ""


def within(path, folder):
    """Return whether a path is in a folder, by all its links."""
    return Path(folder) in Path(os.path.realpath(path)).parents


def read_only(failure):
    """The app writes beside its code, which is read-only, or somewhere else on the server."""
    path = quoted(failure.words)
    if SQLITE_TEXT.search(failure.words):
        return share(sqlite_path(failure.folder) or "database.db", "Its database is beside the code", failure)
    denied = re.search(r"\[Errno (1|13|30)\]|permission denied|read-only file system", failure.words, re.IGNORECASE)
    if path and denied and (failure.name in ("PermissionError", "OSError") or "/" in path):
        return share(path, f"It may not write to {path}", failure)
    if path and failure.name == "FileNotFoundError" and failure.folder in Path(os.path.normpath(failure.folder / path)).parents:
        return share(path, f"{path} is not in the commit", failure)
    return ""


def share(path, why, failure):
    """Return the remedy for a path that the app writes, or that is missing, relative to the app's folder or absolute."""
    whole = Path(os.path.normpath(failure.folder / path))
    missing = failure.name == "FileNotFoundError"
    if within(whole, failure.shared):
        real, user = os.path.realpath(whole), Path(failure.shared).parent.name
        absent = f"{path} is shared, and {real} is missing. Copy it there, or let the app create it and its folder"
        denied = f"The user {user} may not write to {real}. Run `sudo chown -R {user}:{user} {failure.shared}` on the server"
        return absent if missing else denied
    if failure.folder not in whole.parents:
        return f"{why}. The app may write only to {failure.shared}, whose path is in the variable APP_SHARED"
    inside = whole.relative_to(failure.folder)
    if inside.parts[0] == ".venv":
        return f"{why}. The virtual environment is read-only: let the app write to {failure.shared} (the variable APP_SHARED)"
    beside = shared_beside(whole, failure.shared)
    if beside:
        return f"{why}, beside {beside}, which is shared without its folder. Move both into a folder, and share that"
    # A log or an upload is shared together with its folder.
    if inside.suffix and len(inside.parts) > 1:
        inside = inside.parent
    first = "If the app writes it, set" if missing else "The code is read-only for the app. Set"
    last = ". If it is a part of the code, commit it" if missing else ""
    return (
        f'{why}. {first} app.shared_paths = ["{inside}"] in hosts.toml: then it is in {failure.shared}, '
        f"which all releases share{last}"
    )


def shared_beside(path, shared):
    """Return the shared file in the same folder that the path belongs to, as x.json.tmp does to x.json; "" without one."""
    with contextlib.suppress(OSError):
        for other in path.parent.iterdir():
            if other.is_symlink() and other != path and path.name.startswith(other.name) and within(other, shared):
                return other.name
    return ""


def sqlite_path(folder):
    """Return the path of the SQLite database that the app's files name, "" without one."""
    for top, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each not in (".venv", ".git", "node_modules", "tests", "test")]
        for file in sorted(files):
            if not file.endswith(CODE):
                continue
            try:
                found = SQLITE_PATH.search((Path(top) / file).read_bytes()[: 1 << 20].decode(errors="replace"))
            except OSError:
                continue
            if found and "memory" not in found[0]:
                # f"sqlite:///{BASE_DIR}/app.db"
                return re.sub(r"^.*}/?", "", found[1] or found[2])
    return ""


def taken(failure):
    """Two processes want the same port, socket or lock."""
    words = failure.words
    if re.search(r"address already in use|\[Errno 98\]|Failed to bind to address", words, re.IGNORECASE):
        what = "The app opens a port or socket of its own"
    elif failure.name == "BlockingIOError" or LOCKED.search(f"{failure.name} {words}"):
        what = "The app takes a lock of its own"
    else:
        return ""
    if failure.strategy == "migration":
        return "Another process holds the lock, such as the live release. Deploy again, or let the migration wait longer for it"
    advice = []
    if failure.strategy != "restart":
        advice.append('app.strategy = "restart", which stops the previous release before the new one starts')
    if failure.workers != "1":
        advice.append("app.workers = 1, because each worker is a copy of the app")
    remedy = f"Set {'; and '.join(advice)}" if advice else "Find that process with `sudo ss -lntup` on the server"
    return f"{what}, which another process has: the previous release, another worker, or another program. {remedy}"


def crashed(failure):
    """A signal ended a worker; the log of its parent process names it."""
    output = failure.output
    if "Perhaps out of memory" in output or failure.name == "MemoryError" or "Cannot allocate memory" in failure.words:
        return "The kernel killed a process, most likely because memory was short. Set fewer app.workers, or add memory or swap"
    if "WORKER TIMEOUT" in output and not failure.name:
        return "A worker did not respond within app.timeout, and was stopped. Do slow work outside the event loop, or raise it"
    if re.search(r"SIGSEGV|SIGABRT|SIGBUS|Segmentation fault|signal (11|6|7)\b", output):
        return "A library in native code crashed. Pin another version of the package that was loaded last, or another app.python"
    old = re.search(r"SIGILL|signal 4\b|Illegal instruction", output)
    return "A library needs instructions that this processor lacks. Install a build of it for older processors" if old else ""


def missing_variable(failure):
    """os.environ has no such variable."""
    missing = failure.name == "KeyError" and re.search(r"\benviron\[|raise KeyError\(key\) from None", failure.output)
    return f"Set the variable {failure.words} in app.env_file or app.env_command of hosts.toml" if missing else ""


def unreachable(failure):
    """A database, cache or other service does not answer."""
    words = failure.words
    if REFUSED.search(words):
        return "A service that the app needs does not answer. Check that it runs, and its address in app.env_file or env_command"
    if re.search(r"Name or service not known|Temporary failure in name resolution|getaddrinfo failed|\[Errno -[235]\]", words):
        return "The server cannot resolve the name of a service. Check its address in app.env_file or app.env_command"
    login = re.search(r"password authentication failed|access denied for user|invalid username-password|NOAUTH", words, re.I)
    return "A service rejects the app's login. Check its user and password in app.env_file or app.env_command" if login else ""


def limits(failure):
    """The operating system refuses more files or processes."""
    if "Too many open files" in failure.words:
        return "The app has as many files and connections open as it may. Close those that it no longer needs"
    more = "can't start new thread" in failure.words or "Resource temporarily unavailable" in failure.words
    return "The app may not start more processes and threads. Raise app.tasks_max, or set fewer app.workers" if more else ""


def system_data(failure):
    """The server lacks a locale or a time zone."""
    if "unsupported locale setting" in failure.words:
        return 'The server lacks the locale. Set packages = ["locales-all"] under [server] in hosts.toml'
    tz = "No time zone found" in failure.words
    return 'Set packages = ["tzdata"] under [server] in hosts.toml; "tzdata-legacy" for old names such as US/Eastern' if tz else ""


if __name__ == "__main__":
    print("\n".join(main(*sys.argv[1:])))
