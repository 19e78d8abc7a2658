"""The virtual environment of a release. Releases for which the same would be installed share one."""

from __future__ import annotations

from pathlib import Path

from selvedge.resources.base import Change, Resource
from selvedge.shell import library
from selvedge.shell.library import call
from selvedge.shell.quoting import quote

_SERVER = Path(library.__file__).parent / "server"
_CHECKOUT, _ENVIRONMENT = ((_SERVER / name).read_bytes() for name in ("checkout.py", "environment.py"))
PROGRAMS = b"%d %d\n%b%b" % (len(_CHECKOUT), len(_ENVIRONMENT), _CHECKOUT, _ENVIRONMENT)
"""The payload of `venv_build`: two sizes, the program that prepares a checkout, and the one that records what was installed."""


class Venv(Resource):
    """The link `<release>/.venv` to a complete virtual environment in `venvs`.

    root: the app's folder in the release. python, uv: programs on the server. installer: the builder, a file of lib/.
    requirements: a path in the app's folder, "" to find one. extras: packages that are added if the requirements lack them.
    cache: the builder's folder, which `user` owns. user: builds the environment and cannot change it afterwards.
    """

    release: str
    root: str
    venvs: str
    cache: str
    python: str
    uv: str
    installer: str
    requirements: str
    extras: tuple[str, ...]
    user: str

    @property
    def _request(self) -> str:
        return " ".join([self.python, self.installer, self.root or ".", self.requirements or "-", *self.extras])

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
            venvs=self.venvs,
            cache=self.cache,
            python=self.python,
            uv=self.uv,
            installer=self.installer,
            requirements=self.requirements,
            extras=" ".join(self.extras),
            user=self.user,
            request=self._request,
        )
        return Change(
            "build the virtual environment",
            shell,
            payload=PROGRAMS,
            remedy="Correct the requirements, commit, and run the same command again. The live release keeps serving.",
        )
