"""Find the app's error in its output, and what to do about it.

Standard input: the output, without the values of the environment. Arguments: the app's folder in its release, its folder `shared`,
app.strategy, the number of workers (0: unknown), and the process manager. Prints two lines, each may be empty: the exception, and
the remedy. With the argument "routes" standard input is the app's openapi.json, and this prints the paths that a health check can
use.
"""

import collections
import json
import os
import re
import sys
from pathlib import Path

# The last line of a traceback: "package.SomeError: text".
ERROR = re.compile(r"^[ |]*(?:\w+\.)*(?P<name>[A-Z]\w*(?:Error|Exception|Exit|Refused)|Timeout|[a-z]\w+error)(?:: (?P<text>.*))?$")
SQLITE_TEXT = re.compile(r"unable to open database file|attempt to write a readonly database|readonly database")
SQLITE_PATH = re.compile(r"""sqlite(?:\+\w+)?:///([^"'\s?#)]+)|connect\(\s*f?["']([^"':]+\.(?:db|sqlite3?))["']""")
CODE = (".py", ".ini", ".toml", ".cfg", ".yaml", ".yml")
# output: all of it. name, words: the last exception. The others: the program's arguments.
Failure = collections.namedtuple("Failure", "output name words folder shared strategy workers manager")


def main(folder, *others):
    """Return the exception and the remedy."""
    output = sys.stdin.buffer.read().decode(errors="replace")
    name, words = find_error(output)
    failure = Failure(output, name, words, Path(os.path.realpath(folder)), *others)
    remedies = (rule(failure) for rule in (walled, read_only, taken, crashed, missing_variable, unreachable, limits))
    return f"{name}: {words}" if words else name, next(filter(None, remedies), "")


def find_error(text):
    """Return the name and the text of the last exception in the output, two empty strings without one."""
    found = [match for match in map(ERROR.match, text.splitlines()) if match]
    # gunicorn's own line about a worker that did not start comes after the app's.
    own = [match for match in found if match["name"] != "HaltServer"]
    return (own[-1]["name"], (own[-1]["text"] or "").strip().rstrip(".")) if own else ("", "")


def walled(failure):
    """A restriction of systemd's unit is in the way, which [box] in hosts.toml can lift."""
    words, open_wall = failure.words, "The app runs under systemd's restrictions. To lift this one, set {} in [box] of hosts.toml"
    path = re.search(r"'(/[^']+)'", words)
    path = path[1] if path else ""
    if failure.manager != "systemd":
        return ""
    if path.startswith("/proc/") or "ZombieProcess" in failure.name:
        return open_wall.format("proc = true")
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


def read_only(failure):
    """The app writes beside its code, which is read-only, or somewhere else on the server."""
    path = re.search(r"'([^']+)'", failure.words)
    if SQLITE_TEXT.search(failure.words):
        return share(sqlite_path(failure.folder) or "database.db", "Its database is beside the code", failure)
    if path and failure.name in ("PermissionError", "OSError") and re.search(r"\[Errno (1|13|30)\]", failure.words):
        return share(path[1], f"It may not write to {path[1]}", failure)
    if path and failure.name == "FileNotFoundError" and failure.folder in Path(os.path.normpath(failure.folder / path[1])).parents:
        return share(path[1], f"{path[1]} is not in the commit", failure)
    return ""


def share(path, why, failure):
    """Return the remedy for a path that the app writes, or that is missing, relative to the app's folder or absolute."""
    whole = Path(os.path.normpath(failure.folder / path))
    if failure.folder not in whole.parents:
        return f"{why}. The app may write only to {failure.shared}, whose path is in the variable APP_SHARED"
    inside = whole.relative_to(failure.folder)
    if inside.parts[0] == ".venv":
        return f"{why}. The virtual environment is read-only: let the app write to {failure.shared} (the variable APP_SHARED)"
    # A log or an upload is shared together with its folder.
    if inside.suffix and len(inside.parts) > 1:
        inside = inside.parent
    missing = failure.name == "FileNotFoundError"
    first = "If the app writes it, set" if missing else "The code is read-only for the app. Set"
    last = ". If it is a part of the code, commit it" if missing else ""
    return (
        f'{why}. {first} app.shared_paths = ["{inside}"] in hosts.toml: then it is in {failure.shared}, '
        f"which all releases share{last}"
    )


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
    if re.search(r"address already in use|\[Errno 98\]", words, re.IGNORECASE):
        what = "The app opens a port or socket of its own"
    elif failure.name == "BlockingIOError" or re.search(r"lock(ed|file)?\b.*(held|taken|acquired)", words, re.IGNORECASE):
        what = "The app takes a lock of its own"
    else:
        return ""
    advice = []
    if failure.strategy != "restart":
        advice.append('app.strategy = "restart", which stops the previous release before the new one starts')
    if failure.workers != "1":
        advice.append("app.workers = 1, because each worker is a copy of the app")
    remedy = f"Set {'; and '.join(advice)}" if advice else "Find that process with `sudo ss -lntup` on the server"
    return f"{what}, which another process has: the previous release, another worker, or another program. {remedy}"


def crashed(failure):
    """A signal ended a worker; gunicorn's log names it."""
    output = failure.output
    if "Perhaps out of memory" in output or failure.name == "MemoryError" or "Cannot allocate memory" in failure.words:
        return "The kernel killed a process, most likely because memory was short. Set fewer app.workers, or add memory or swap"
    if re.search(r"SIGSEGV|SIGABRT|SIGBUS|Segmentation fault|signal (11|6|7)\b", output):
        return "A library in native code crashed. Pin another version of the package that was loaded last, or another app.python"
    if re.search(r"SIGILL|signal 4\b|Illegal instruction", output):
        return "A library needs instructions that this processor does not have. Install a build of it for older processors"
    if "WORKER TIMEOUT" in output and not failure.name:
        return "gunicorn stopped a worker that did not respond within app.timeout. Do slow work outside the event loop, or raise it"
    return ""


def missing_variable(failure):
    """os.environ has no such variable."""
    if failure.name == "KeyError" and re.search(r"\benviron\[|raise KeyError\(key\) from None", failure.output):
        return f"Set the variable {failure.words} in the file that app.env_file in hosts.toml names"
    return ""


def unreachable(failure):
    """A database, cache or other service does not answer."""
    words = failure.words
    if re.search(r"connection refused|connect call failed|\[Errno 111\]|could not connect|connection to server", words, re.I):
        return "A service that the app needs does not answer. Check that it runs, and its address in the file of app.env_file"
    if re.search(r"Name or service not known|Temporary failure in name resolution|getaddrinfo failed|\[Errno -[235]\]", words):
        return "The server cannot resolve the name of a service. Check its address in the file of app.env_file"
    if re.search(r"password authentication failed|access denied for user|invalid username-password|NOAUTH", words, re.I):
        return "A service rejects the app's login. Check its user and password in the file of app.env_file"
    return ""


def limits(failure):
    """The operating system refuses more files or processes."""
    if "Too many open files" in failure.words:
        return "The app has as many files and connections open as it may. Close those that it no longer needs"
    if "can't start new thread" in failure.words or "Resource temporarily unavailable" in failure.words:
        return "The app may not start more processes and threads. Raise app.tasks_max, or set fewer app.workers"
    return ""


def routes(text):
    """Return the GET paths of an openapi.json that need no parameters, those for health checks first."""
    try:
        paths = json.loads(text)["paths"]
        found = [path for path, methods in paths.items() if "get" in methods and "{" not in path]
    except (ValueError, KeyError, TypeError, AttributeError):
        found = [line for line in text.splitlines() if line.startswith("/")]
    plain = list(dict.fromkeys(re.sub(r"[^!-~]", "?", path)[:60] for path in found))
    health = re.compile(r"health|ping|status|alive|ready|heartbeat", re.I)
    useful = [each for each in plain if each not in ("/openapi.json", "/docs/oauth2-redirect", "/redoc")]
    return sorted(useful, key=lambda path: (not health.search(path), path == "/docs"))[:6]


if __name__ == "__main__":
    if sys.argv[1] == "routes":
        print(", ".join(routes(sys.stdin.buffer.read().decode(errors="replace"))))
    else:
        print("\n".join(main(*sys.argv[1:])))
