"""The virtual environment of a release. Releases for which the same would be installed share one."""

from __future__ import annotations

from pathlib import Path

from selvedge.resources.base import Change, Resource
from selvedge.resources.code.project import program
from selvedge.resources.code.python import UV_REQUIREMENT
from selvedge.shell import library
from selvedge.shell.library import call
from selvedge.shell.quoting import quote

_SERVER = Path(library.__file__).parent / "server"
_CHECKOUT, _ENVIRONMENT = ((_SERVER / name).read_bytes() for name in ("checkout.py", "environment.py"))
PROGRAMS = b"%d %d %d\n%b%b%b" % (len(_CHECKOUT), len(_ENVIRONMENT), len(program()), _CHECKOUT, _ENVIRONMENT, program())
"""The payload of `venv_build`: three sizes, the program that prepares a checkout, the one that records what was installed, and the
one that reads the project's own files."""


class Venv(Resource):
    """The link `<release>/.venv` to a complete virtual environment in `venvs`.

    root: the app's folder in the release. repo, commit: where a package may take its version from. python, uv: programs on the
    server. installer: the builder, a file of lib/. requirements: a path in the app's folder, "" to find one. extras: packages
    that are added if the requirements lack them. cache: the builder's folder, which `user` owns while it builds. user: builds
    the environment and cannot change it afterwards.
    app_python, python_from: settings that decide which other Python is installed if the project asks for one. app_extras,
    app_groups: names of the project's extras and groups. index_strategy: uv's, "" for its default. deploy_key, git_known_hosts,
    git_credentials: files for git dependencies. build_env: the file with the build's variables.
    variables: a digest of those. asks: the Python that
    the project asks for, for the summary; "" if that is not known here. pypi_mirror, python_mirror: addresses of the default
    package index and of uv's builds of Python, "" for the usual ones; the environment is the same from any.
    """

    release: str
    root: str
    repo: str
    commit: str
    venvs: str
    cache: str
    python: str
    uv: str
    installer: str
    requirements: str
    extras: tuple[str, ...]
    user: str
    app_python: str = ""
    python_from: str = "auto"
    app_extras: tuple[str, ...] = ()
    app_groups: tuple[str, ...] = ()
    index_strategy: str = ""
    deploy_key: str = ""
    git_known_hosts: str = ""
    git_credentials: str = ""
    build_env: str = ""
    variables: str = ""
    asks: str = ""
    pypi_mirror: str = ""
    python_mirror: str = ""

    @property
    def _request(self) -> str:
        names = [f"extra:{name}" for name in self.app_extras] + [f"group:{name}" for name in self.app_groups]
        more = [*names, *filter(None, [self.index_strategy, self.variables]), *self.extras]
        return " ".join([self.python, self.installer, self.root or ".", self.requirements or "-", *more])

    def owned(self) -> tuple[str, ...]:
        return (self.cache,)

    def probe(self) -> str:
        venv = quote(f"{self.release}/.venv")
        return f"if [ -x {venv}/bin/python ]; then probe_line {venv}/.selvedge; fi"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == self._request:
            return None
        shell = call(
            "venv_build",
            release=self.release,
            root=self.root,
            repo=self.repo,
            commit=self.commit,
            venvs=self.venvs,
            cache=self.cache,
            interpreter=self.python,
            uv=self.uv,
            installer=self.installer,
            requirements=self.requirements,
            extras=" ".join(self.extras),
            user=self.user,
            request=self._request,
            app_python=self.app_python,
            python_from=self.python_from,
            uv_requirement=UV_REQUIREMENT,
            app_extras=" ".join(self.app_extras),
            app_groups=" ".join(self.app_groups),
            index_strategy=self.index_strategy,
            deploy_key=self.deploy_key,
            git_known_hosts=self.git_known_hosts,
            git_credentials=self.git_credentials,
            build_env=self.build_env,
            pypi_mirror=self.pypi_mirror,
            python_mirror=self.python_mirror,
        )
        return Change(
            "build the virtual environment" + (f"; the project asks for Python {self.asks}" if self.asks else ""),
            shell,
            payload=PROGRAMS,
            remedy="Correct the requirements, commit, and run the same command again. The live release keeps serving.",
        )
