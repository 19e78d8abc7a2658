"""The errors of installers in one sentence, and what to do about each."""

from __future__ import annotations

import re
from itertools import pairwise

LONGEST = 600
"""Characters of an error that are shown."""
PACKAGES = {
    r"pg_config": "libpq-dev",
    r"mysql_config|mysqlclient|mariadb_config": "default-libmysqlclient-dev",
    r"ffi\.h": "libffi-dev",
    r"openssl/\w+\.h": "libssl-dev",
    r"libxml/\w+\.h|xslt-config|xmlversion\.h": "libxml2-dev\", \"libxslt1-dev",
    r"ldap\.h|lber\.h|sasl\.h": "libldap-dev\", \"libsasl2-dev",
    r"sql\.h": "unixodbc-dev",
    r"geos_c\.h|geos-config": "libgeos-dev",
    r"gdal-config|gdal\.h": "libgdal-dev",
    r"zlib\.h|headers or library files could not be found for zlib": "zlib1g-dev",
    r"headers or library files could not be found for jpeg": "libjpeg-dev",
    r"cairo\.h|dependency .?cairo": "libcairo2-dev",
    r"[Cc]argo.*not (?:found|installed)|can't find Rust compiler": "cargo",
    r"cmake.*not (?:found|installed)|No such file or directory: 'cmake'": "cmake",
    r"pkg-config.*not found|pkg-config.*No such file|Can not find valid pkg-config": "pkg-config",
    r"Python\.h": "python3-dev",
}
"""What a build misses, and the Debian package that has it."""
_COMPILER = re.compile(
    r"command '?\S*(?:gcc|g\+\+|cc|clang)'? failed: No such file|No such file or directory: '\S*(?:gcc|g\+\+|cc|c\+\+)'|"
    r"linker `cc` not found|unable to execute '?\S*(?:gcc|g\+\+|cc)|Unknown compiler\(s\)|CMAKE_C(?:XX)?_COMPILER"
)
_MARKS = re.compile(r"^[\s│×╰├─▶]+|^(?:error|ERROR|cause|Caused by):\s*", re.MULTILINE)
_UV_BEGINS = re.compile(r"\s*×|error: (?!subprocess)")
_UV_PART = re.compile(r"\s*[×├╰]|error:|\s*(?:cause|Caused by|hint):")
_QUOTE = re.compile(r"\[(?:stdout|stderr)\]|--- (?:stdout|stderr)")
_INNER = re.compile(
    r"\w*(?:Error|Exception)\b.*:|error: (?!subprocess)|fatal: |ERROR: |ssh: |Host key verification|\S+: Permission denied|"
    r"\S+: command not found"
)

_UNREAD = re.compile(r"Could not fetch URL \S+: [^:]+")


def reason(text: str) -> str:
    """Return the last error in the output of uv, pip, Poetry or PDM, without line breaks."""
    lines = [line.rstrip() for line in text.splitlines()]
    by_pip = any(line.startswith("ERROR:") or "subprocess-exited" in line for line in lines)
    found = (_pip(lines) if by_pip else _uv(lines)) or [line for line in lines if line.strip()][-2:]
    parts = (" ".join(_MARKS.sub("", line).split()).rstrip(".:") for line in found)
    sentence = ": ".join(dict.fromkeys(filter(None, parts)))
    return sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…"


def _uv(lines: list[str]) -> list[str]:
    """Return uv's message: its causes and hints, and of the output of another program in it only the errors."""
    starts = [number for number, line in enumerate(lines) if _UV_BEGINS.match(line)]
    found: list[str] = []
    quoted, last = False, ""
    for line in lines[starts[-1] :] if starts else ():
        text = line.strip()
        if _UV_PART.match(line):
            quoted = False
            found.append(text)
        elif _QUOTE.match(text):
            quoted = True
        elif text and not quoted:
            found[-1] += f" {text}"
        elif quoted and text:
            last = text
            if _INNER.match(text):
                found.append(text)
    causes = [line for line in found if not _INNER.match(line) or _UV_PART.match(line)]
    inner = [line for line in found if line not in causes]
    # A traceback may have many errors: its last one is the cause.
    return [causes[0], *(inner[-2:] or [last])] if inner or last else causes


def _pip(lines: list[str]) -> list[str]:
    inner = [line for line in lines if _INNER.match(line.strip()) and "subprocess-exited" not in line]
    inner = inner or [before for before, line in pairwise(filter(None, lines)) if "[end of output]" in line][-1:]
    ends = [number for number, line in enumerate(lines) if line.strip() == "[end of output]"]
    if not inner and ends:
        inner = [lines[ends[0] - 1].strip()]
    # pip goes on without an index that does not answer, and then finds no version.
    unread = [found[0] for line in lines if (found := _UNREAD.search(line))]
    return [*unread[:1], *[line for line in lines if line.startswith("ERROR:") and line not in inner][:3], *inner[-2:]]


def remedy(text: str, installer: str, key: str) -> str:
    """Return what to do about an error. key: the server's public deploy key, "" without one."""
    for pattern, answer in _REMEDIES:
        if re.search(pattern, text):
            return answer.replace("KEY", key) if key or "KEY" not in answer else _NO_KEY
    packages = [package for pattern, package in PACKAGES.items() if re.search(pattern, text)]
    if _COMPILER.search(text):
        packages = ["build-essential", "python3-dev", *packages]
    if packages:
        listed = ", ".join(f'"{each}"' for each in dict.fromkeys(packages))
        return f"The build of a package needs more of the system: set server.packages = [{listed}] in hosts.toml."
    if installer == "pip" and "No matching distribution" in text:
        private = "A package of a private index needs app.build_env_file, for example with PIP_INDEX_URL."
        return f"Correct the name or version in the requirements. {private}"
    return "Correct the requirements, commit, and run the same command again. The live release keeps serving."


_NO_KEY = "Give the build access to the git repository: a deploy key, or a token in the file of app.build_env_file."
_REMEDIES = (
    (r"index-strategy|consider versions that are published on the first index",
     'If you trust all the indexes alike, set app.index_strategy = "unsafe-best-match" in hosts.toml.'),
    (r"dns error|failed to lookup address|Temporary failure in name resolution|Name or service not known|Connection refused|"
     r"[Tt]imed out|Network is unreachable|ConnectTimeout|Could not resolve host",
     "Check that the server reaches that address. For another package index, put UV_DEFAULT_INDEX or PIP_INDEX_URL into the file "
     "of app.build_env_file."),
    (r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",
     "The git server shows another host key than before. If that is right, delete its line from the known_hosts file in "
     "/var/cache/selvedge on the server."),
    (r"could not read (?:Username|Password) for 'https?:|Authentication failed for 'https?:|repository 'https?://[^']*' not found|"
     r"HTTP Basic: Access denied|terminal prompts disabled",
     "The dependency's git repository needs a login. A token in the address of app.repository counts for all repositories of that "
     "server. Otherwise put a token into the file of app.build_env_file, and write the dependency as "
     "git+https://${TOKEN}@HOST/PATH. Or write git+ssh://git@HOST/PATH, for which the server's deploy key counts."),
    (r"Permission denied \(publickey|Could not read from remote repository",
     "Give the server's deploy key read access to the dependency's repository: KEY"),
    (r"\b(?:401 Unauthorized|403 Forbidden|401 Client Error|403 Client Error|HTTP error 40[13])|lack of valid authentication|"
     r"Missing credentials|User for \S+:|authentication credentials",
     "Put the index's login into a dotenv file and name it with app.build_env_file in hosts.toml: for example "
     "UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD, or the variables that the index's address contains as ${TOKEN}."),
    (r"UnknownIssuer|CERTIFICATE_VERIFY_FAILED|certificate verify failed|self.signed certificate",
     "If the network's own authority signs certificates, copy its certificate to /usr/local/share/ca-certificates/ as a .crt file "
     "on the server, and run `sudo update-ca-certificates` there."),
    (r"does not satisfy Python|requires a different Python|Requires-Python|requires Python|is not supported by the project|"
     r"current Python version",
     "Set app.python in hosts.toml to a version that all packages support."),
    (r"THESE PACKAGES DO NOT MATCH THE HASHES|[Hh]ash mismatch",
     "The index has another file than the one that was locked. Lock again on your machine, and commit the lock file."),
    (r"changed significantly since|Run `poetry lock|lock file is not up to date|[Ll]ock ?file (?:hash doesn't match|is outdated)",
     "Lock again on your machine (`poetry lock`, `pdm lock`), and commit the lock file."),
    (r"No space left on device", "Free some space on the server: `sudo apt-get clean`."),
)  # fmt: skip
"""Patterns of installers' messages, each with its remedy, the most precise first."""
