"""Projects of tests/projects, one for each way to list packages, with what is changed between two releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab import Project
from own_projects import locked
from sandbox import Server

Pairs = Sequence[tuple[str, str]]
VALUE = [("VALUE = 1", "VALUE = 2")]
# A lock's iniconfig: another version, with the digests of its wheel and its archive.
INICONFIG = [
    ("2.3.1", "2.1.0"),
    ("9121e2c1fdb355232495be3194c8dfe87ccc2d5dee45947b78e68f499790d7a7", "9deba5723312380e77435581c6bf4935c94cbfab9b1ed33ef8d238ea168eb760"),  # noqa: E501
    ("67f4b9c50da0dedf52af349e7749a80a9057a5031199791b906c3bb3ae878960", "3abbd2e30b36733fee78f9c7f7308f2d0050e88f0087fd25c2645f63c773e1c7"),  # noqa: E501
]  # fmt: skip
DEPOT = """
git config --system --replace-all safe.directory '*'
mkdir -p /srv/depot/dep/dep && cd /srv/depot/dep && git init -q -b main
cat >pyproject.toml <<'EOF'
[project]
name = "dep"
version = "1"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
EOF
echo 'VALUE = {value}' >dep/__init__.py
git add . && git -c user.name=t -c user.email=t@example.com commit -q -m {value} && chmod -R a+rX /srv/depot
"""


@dataclass(frozen=True)
class Form:
    """A project of tests/projects.

    edits: for each file that the environment depends on, the texts to replace. first, then: what the app answers before and
    after them, package → version. settings: of [app]. lock: a shell command that makes the files `made` on the server.
    encodings: file → encoding, "crlf" among them.
    """

    project: str
    edits: Mapping[str, Pairs]
    first: Mapping[str, str]
    then: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    lock: str = ""
    made: str = "uv.lock"
    encodings: Mapping[str, str] = field(default_factory=dict)

    def begin(self, server: Server, project: Project) -> None:
        """Make the project the app."""
        project.become(self.project, self.settings.get("root", ""))
        self._finish(server, project, 1)

    def change(self, server: Server, project: Project) -> None:
        """Edit each file of `edits`."""
        for name, pairs in self.edits.items():
            path = project.app / name
            text = decoded(path.read_bytes(), self.encodings.get(name, "utf-8"))
            for old, new in pairs:
                assert old in text, (name, old)
                text = text.replace(old, new)
            path.write_bytes(text.encode())
        self._finish(server, project, 2)

    def _finish(self, server: Server, project: Project, value: int) -> None:
        if "--upgrade-package dep" in self.lock:
            server.run(DEPOT.format(value=value))
        if self.lock:
            locked(server, project.app, self.lock, self.made)
        for name, encoding in self.encodings.items():
            path = project.app / name
            text = path.read_bytes().decode()
            path.write_bytes(text.replace("\n", "\r\n").encode() if encoding == "crlf" else text.encode(encoding))


def decoded(data: bytes, encoding: str) -> str:
    """Return the text of a file."""
    return data.decode().replace("\r\n", "\n") if encoding == "crlf" else data.decode(encoding)


LOCKED = "uv lock --quiet"
SIX, SIX_NEW = "six==1.16.0", "six==1.17.0"
OLD, NEW = "iniconfig==2.0.0", "iniconfig==2.1.0"
PACKAGE = {"src/blog/__init__.py": VALUE}
FORMS = {
    "requirements": Form(
        "requirements",
        {
            "requirements.txt": [("packaging==24.0", "packaging==24.1")],
            "base.txt": [(SIX, SIX_NEW)],
            "more/deep.txt": [("toml==0.10.1", "toml==0.10.2")],
            "limits.txt": [(OLD, NEW)],
            "libs/common/common/__init__.py": VALUE,
            "libs/plain/plain/__init__.py": VALUE,
        },
        {"packaging": "24.0", "six": "1.16.0", "toml": "0.10.1", "iniconfig": "2.0.0", "common": "1, 1", "plain": "1, 1"},
        {"packaging": "24.1", "six": "1.17.0", "toml": "0.10.2", "iniconfig": "2.1.0", "common": "1, 2", "plain": "1, 2"},
        encodings={"requirements.txt": "utf-8-sig", "base.txt": "utf-16", "limits.txt": "crlf"},
    ),
    "requirements in a folder": Form(
        "requirements-folder",
        {
            "requirements/production.txt": [("./libs/common", "packaging==24.1\n./libs/common")],
            "requirements/base.txt": [(OLD, NEW)],
            "deploy/server.txt": [(SIX, SIX_NEW)],
            "libs/common/pyproject.toml": [('version = "1"', 'version = "2"')],
        },
        {"iniconfig": "2.0.0", "six": "1.16.0", "common": "1, 1"},
        {"iniconfig": "2.1.0", "six": "1.17.0", "common": "2, 1", "packaging": "24.1"},
        {"requirements": "requirements/production.txt"},
    ),
    "requirements with hashes": Form(
        "hashes",
        {"requirements.in": [(OLD, NEW)]},
        {"iniconfig": "2.0.0"},
        {"iniconfig": "2.1.0"},
        lock="uv pip compile --quiet --generate-hashes requirements.in --output-file requirements.txt",
        made="requirements.txt",
    ),
    "uv with sources": Form(
        "uv-sources",
        {
            "pyproject.toml": [(SIX, SIX_NEW), (OLD, NEW)],
            "libs/common/common/__init__.py": VALUE,
            "libs/deeper/deeper/__init__.py": VALUE,
        },
        {"six": "1.16.0", "iniconfig": "2.0.0", "common": "1, 1", "deeper": "1, 1", "dep": "1, 1"},
        {"six": "1.17.0", "iniconfig": "2.1.0", "common": "1, 2", "deeper": "1, 2", "dep": "1, 2"},
        {"extras": ["server"], "dependency_groups": ["prod"]},
        lock=f"{LOCKED} --upgrade-package dep",
    ),
    "uv with a workspace": Form(
        "uv-workspace",
        {
            "backend/pyproject.toml": [(OLD, NEW)],
            "backend/backend/__init__.py": VALUE,
            "libs/common/pyproject.toml": [(SIX, SIX_NEW)],
            "libs/common/common/__init__.py": VALUE,
        },
        {"iniconfig": "2.0.0", "six": "1.16.0", "common": "1, 1", "backend": "1, 1"},
        {"iniconfig": "2.1.0", "six": "1.17.0", "common": "1, 2", "backend": "1, 2"},
        {"root": "backend"},
        lock=LOCKED,
    ),
    "pylock.toml": Form(
        "pylock",
        {"pyproject.toml": [(OLD, NEW)], "libs/common/common/__init__.py": VALUE},
        {"iniconfig": "2.0.0", "common": "1, 1"},
        {"iniconfig": "2.1.0", "common": "1, 2"},
        lock=f"{LOCKED} && uv export --quiet --format pylock.toml --no-emit-project --output-file pylock.toml",
        made="pylock.toml",
    ),
    "Poetry without a package": Form(
        "poetry",
        {
            "pyproject.toml": [('iniconfig = "*"', 'iniconfig = "<2.3"')],
            "poetry.lock": [
                *INICONFIG,
                ("9ecbc873e789f67d1b7adaa9f7ca387cb248ac6f31731be72928e7567a332843", "8e98233dd5988b5e00739dc246d7cf3716246fa587ae191519c219dec0739464"),  # noqa: E501
            ],
            "libs/common/common/__init__.py": VALUE,
        },
        {"fastapi": "0.115.0", "iniconfig": "2.3.1", "six": "1.17.0", "common": "1, 1"},
        {"fastapi": "0.115.0", "iniconfig": "2.1.0", "six": "1.17.0", "common": "1, 2"},
        {"extras": ["server"], "dependency_groups": ["prod"]},
    ),
    "Poetry with a package": Form(
        "poetry-package",
        {
            "pyproject.toml": [('iniconfig = "*"', 'iniconfig = "<2.3"'), ('version = "1.0"', 'version = "1.1"')],
            "poetry.lock": [
                *INICONFIG,
                ("fb871da9521afcc39a13af05e25fa7b9c118c61c31bbed6617b7d2674a2c2870", "5d5010e0327c53e617b80c9fa20103b7cd6b6192a804dd5b29d473bed2f0e4df"),  # noqa: E501
            ],
            **PACKAGE,
        },
        {"blog": "1.0, 1", "iniconfig": "2.3.1"},
        {"blog": "1.1, 2", "iniconfig": "2.1.0"},
        {"module": "blog.main:app"},
    ),
    "PDM": Form(
        "pdm",
        {
            "pyproject.toml": [('["iniconfig"]', '["iniconfig<2.3"]')],
            "pdm.lock": [
                *INICONFIG,
                ("68513222ccc484dc5ae48680704ec215f28f91fb5bc889097ed63e1a4070eedc", "55af2181c22f9a0dc2d428275d5d585d0c4c76eae72f17885ab2b9dd53618b8e"),  # noqa: E501
            ],
        },
        {"fastapi": "0.115.0", "iniconfig": "2.3.1", "six": "1.17.0"},
        {"fastapi": "0.115.0", "iniconfig": "2.1.0", "six": "1.17.0"},
        {"extras": ["server"], "dependency_groups": ["prod"]},
    ),
    "Pipenv": Form(
        "pipenv",
        {"Pipfile": [('iniconfig = "*"', 'iniconfig = "<2.3"')], "Pipfile.lock": INICONFIG},
        {"fastapi": "0.115.0", "iniconfig": "2.3.1"},
        {"fastapi": "0.115.0", "iniconfig": "2.1.0"},
        {"dependency_groups": ["prod"]},
    ),
    "Rye": Form(
        "rye",
        {"requirements.lock": [(OLD, NEW)], "pyproject.toml": [('version = "1.0"', 'version = "1.1"')]},
        {"iniconfig": "2.0.0", "blog": "1.0, 1"},
        {"iniconfig": "2.1.0", "blog": "1.1, 1"},
    ),
    "setup.py and a factory": Form(
        "setup-py",
        {"setup.py": [('version="1.0"', 'version="1.1"')], "needs.txt": [(OLD, NEW)], **PACKAGE},
        {"blog": "1.0, 1", "iniconfig": "2.0.0"},
        {"blog": "1.1, 2", "iniconfig": "2.1.0"},
        {"module": "blog.web:create_app()"},
    ),
    "setup.cfg": Form(
        "setup-cfg",
        {"setup.cfg": [("version = 1.0", "version = 1.1"), (OLD, NEW)], **PACKAGE},
        {"blog": "1.0, 1", "iniconfig": "2.0.0"},
        {"blog": "1.1, 2", "iniconfig": "2.1.0"},
    ),
    "src layout": Form(
        "src-layout",
        {
            "pyproject.toml": [('version = "1.0"', 'version = "1.1"'), (OLD, NEW), ('first = "blog', 'second = "blog')],
            **PACKAGE,
        },
        {"blog": "1.0, 1", "iniconfig": "2.0.0", "plugins": "first"},
        {"blog": "1.1, 2", "iniconfig": "2.1.0", "plugins": "second"},
        {"module": "blog.main:app"},
    ),
    "build backends": Form(
        "backends",
        {
            **{f"libs/{name}/by_{name}/__init__.py": VALUE for name in ("flit", "hatch", "pdm", "poetry", "setuptools")},
            "libs/uv/src/by_uv/__init__.py": VALUE,
        },
        {f"by_{name}": "1, 1" for name in ("flit", "hatch", "pdm", "poetry", "setuptools", "uv")},
        {f"by_{name}": "1, 2" for name in ("flit", "hatch", "pdm", "poetry", "setuptools", "uv")},
    ),
}
