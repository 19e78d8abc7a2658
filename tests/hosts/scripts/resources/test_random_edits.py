"""Random edits of a project of five files: what is installed is what the files say, and nothing is installed for nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hosts.scripts.resources.environments import Builder, edit, project
from tests.hosts.scripts.server import Server

EXTRA = "extra-package"
SEEN = """python -c '
from importlib.metadata import version
from importlib.util import find_spec
import common
print(common.value, version("common"), bool(find_spec("extra_package")))
'"""


@dataclass(frozen=True)
class State:
    """What the files say. Each field is another edit; a comment is its number."""

    extra: bool = False
    listed_comment: int = 0
    editable: bool = True
    base_comment: int = 0
    version: int = 1
    needs_extra: bool = False
    library_comment: int = 0
    value: int = 0
    code_comment: int = 0
    app_comment: int = 0

    def files(self, library: str) -> dict[str, str | bytes | None]:
        """Return the five files. library: the pyproject.toml of the folder `common`."""
        needs = f'dependencies = ["{EXTRA}"]\n' if self.needs_extra else ""
        version = f'version = "{self.version}"\n'
        return {
            "requirements.txt": f"# {self.listed_comment}\n-r base.txt\n" + self.extra * f"{EXTRA}\n",
            "base.txt": f"# {self.base_comment}\n" + ("-e " if self.editable else "") + "./common\n",
            "common/pyproject.toml": library.replace('version = "1"\n', version + needs) + f"# {self.library_comment}\n",
            "common/common/__init__.py": f"value = {self.value}\n# {self.code_comment}\n",
            "main.py": f"# {self.app_comment}\n",
        }

    @property
    def dependencies(self) -> object:
        """Return what decides which packages are installed beside the one of the folder."""
        return replace(self, library_comment=0, value=0, code_comment=0, app_comment=0)

    @property
    def installed(self) -> str:
        return f"{self.value} {self.version} {self.extra or self.needs_extra}"


SWITCHES = ("extra", "editable", "needs_extra")
NUMBERS = ("listed_comment", "base_comment", "version", "library_comment", "value", "code_comment", "app_comment")
EDITS = st.lists(st.sampled_from([*SWITCHES, *NUMBERS, "revert", "revert"]), min_size=5, max_size=8)


def edited(states: list[State], name: str, number: int) -> State:
    """Return the state after an edit, or an earlier one."""
    if name == "revert":
        return states[-2] if len(states) > 1 else states[-1]
    return replace(states[-1], **{name: not getattr(states[-1], name) if name in SWITCHES else number})


def follow(builder: Builder, app: Path, edits: list[str]) -> None:
    """Make a release after each edit, and check its environment."""
    library = (app / "common/pyproject.toml").read_text()
    states: list[State] = [State()]
    edit(app, State().files(library))
    assert builder.must(app) == "built"
    for number, name in enumerate(edits, 2):
        state = edited(states, name, number)
        edit(app, state.files(library))
        how = builder.must(app)
        assert builder.run(SEEN) == state.installed, (edits, number)
        if state in states:
            assert how == "shared", (edits, number)
        elif state.dependencies == states[-1].dependencies:
            assert how == "renewed", (edits, number)
        elif all(state.dependencies != each.dependencies for each in states):
            assert how == "built", (edits, number)
        states.append(state)


def test_a_comment_after_a_version_that_was_taken_back(server: Any, tmp_path: Path) -> None:
    follow(Builder(server), project("local_folder", tmp_path / "app"), ["version", "revert", "app_comment", "value"])


@pytest.mark.thorough
@pytest.mark.timeout(900)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=EDITS)
def test_random_edits(tmp_path_factory: Any, edits: list[str]) -> None:
    """A change that an environment depends on always has an effect, and any other change installs no dependency again."""
    folder = tmp_path_factory.mktemp("random")
    follow(Builder(Server(folder / "server")), project("local_folder", folder / "app"), edits)
