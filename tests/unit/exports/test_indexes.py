"""The package indexes of an image: those of the servers, also if pip installs the packages there and uv those of the image."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from tests.support.exports import Exported

Make = Callable[..., Exported]
INDEX, EXTRA = "https://me:c4nary@packages.example.com/simple", "https://a.example.com/x https://b.example.com/y"
ENV = f'PIP_INDEX_URL="{INDEX}"\nPIP_EXTRA_INDEX_URL="{EXTRA}"\nPIP_TRUSTED_HOST="packages.example.com"\n'
MIRROR = '[mirrors]\npypi = "https://mirror.example.com/simple"\n'


def seen(made: Exported, **given: str) -> dict[str, str]:
    """Return the variables that uv gets in the first build of packages, by running the Dockerfile's own shell."""
    found = re.search(r"(?ms)^RUN --mount=type=cache.*?\\\n(.*?)(?:uv pip install|uv sync)", made.text("Dockerfile"))
    assert found
    shell = found[1].replace("/run/secrets/build_env", str(made.folder / "build.env"))
    environment = {"PATH": "/usr/bin:/bin", **given}
    done = subprocess.run(["sh", "-c", f"{shell} env"], env=environment, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("UV_"))


def test_uv_gets_the_indexes_of_pip(exported: Make) -> None:
    made = exported(MIRROR, installer="pip", build_env_file="build.env", files={"build.env": ENV})
    assert "PIP_" not in made.make("docker")
    assert seen(made, UV_DEFAULT_INDEX="https://mirror.example.com/simple") == {
        "UV_DEFAULT_INDEX": INDEX, "UV_INDEX": EXTRA, "UV_INSECURE_HOST": "packages.example.com",
    }  # fmt: skip
    assert "c4nary" not in made.text("Dockerfile") and "UV_INDEX_STRATEGY" not in made.text("Dockerfile")
    (made.folder / "build.env").write_text("OTHER=1\n")
    assert seen(made) == {}


def test_variables_of_pip_that_uv_does_not_know_are_named(exported: Make) -> None:
    text = "PIP_FIND_LINKS=c4nary\nPIP_INDEX_URL=x\nA=1\n"
    made = exported(installer="pip", build_env_file="build.env", files={"build.env": text})
    said = made.make("docker")
    assert "does not read PIP_FIND_LINKS in app.build_env_file." in said and "c4nary" not in said


def test_uv_alone_reads_its_own_variables(exported: Make) -> None:
    made = exported(build_env_file="build.env", files={"build.env": f"{ENV}UV_INDEX_OWN_USERNAME=me\n"})
    assert "PIP_" not in made.make("docker") and seen(made) == {"UV_INDEX_OWN_USERNAME": "me"}


@pytest.mark.parametrize("installer", ["uv", "pip"])
@pytest.mark.parametrize(("files", "own"), [
    ({"requirements.txt": "--index-url https://private.example.com/simple\nfastapi\n"}, True),
    ({"requirements.txt": "-r base.txt\n", "base.txt": "-r requirements.txt\n-i https://private.example.com/simple\n"}, True),
    ({"requirements.txt": "--extra-index-url https://private.example.com/simple\n-r missing.txt\nfastapi\n"}, False),
    ({"uv.toml": '[[index]]\nurl = "https://private.example.com/simple"\ndefault = true\n'}, True),
    ({"pyproject.toml": '[tool.uv]\nindex-url = "https://private.example.com/simple"\n'}, True),
    ({"pyproject.toml": '[[tool.uv.index]]\nname = "x"\nurl = "https://private.example.com/simple"\n'}, False),
])  # fmt: skip
def test_a_mirror_does_not_take_the_place_of_the_index_of_the_project(
    exported: Make, installer: str, files: dict[str, str], own: bool
) -> None:
    made = exported(MIRROR, installer=installer, build_env_file="build.env", files={**files, "build.env": ENV})
    made.make("docker")
    text = made.text("Dockerfile")
    assert ("\nARG UV_DEFAULT_INDEX\n" in text) == own and ('ARG UV_DEFAULT_INDEX="https://mirror' in text) != own
    assert ("UV_DEFAULT_INDEX" in seen(made)) == (installer == "pip" and not own)
