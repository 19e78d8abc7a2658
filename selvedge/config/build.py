"""The settings of `[app]` for its virtual environment: Python, the requirements, and the world of the build."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from selvedge.config.package_names import ProjectName
from selvedge.config.section import Section
from selvedge.config.types import LocalPath, PythonVersion, RelativePath


class Build(Section):
    """How the app's environment is built."""

    python: PythonVersion = Field(
        "",
        description="The Python version that the app runs on. Default: what the project's own files ask for "
        "(`requires-python`, `.python-version`), else the system's version.",
        examples=["3.12"],
    )
    python_from: Literal["auto", "system", "deadsnakes", "uv", "pyenv"] = Field(
        "auto",
        description="The source of that Python. `auto`: the system if it has the version, else deadsnakes on Ubuntu and uv on "
        "Debian.",
        examples=["uv"],
    )
    installer: Literal["uv", "pip"] = Field(
        "uv", description="The program that installs the requirements. `uv.lock` and `pylock.toml` need uv.", examples=["pip"]
    )
    index_strategy: Literal["first-index", "unsafe-first-match", "unsafe-best-match"] | None = Field(
        None,
        description="Which version uv takes of a package that several indexes have. `first-index`: only the versions of the first "
        "index that has the package, so that no one can slip in a newer one elsewhere. `unsafe-best-match`: the best version of "
        "all indexes, as pip always does. Default: `first-index` with uv.",
        examples=["unsafe-best-match"],
    )
    requirements: RelativePath = Field(
        "",
        description="The file with the requirements, in the app's folder. "
        "Default: the first of uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, requirements.lock, requirements.txt "
        "and pyproject.toml.",
        examples=["requirements/production.txt"],
    )
    extras: list[ProjectName] = Field(
        default_factory=list,
        description="The extras of the project that are installed, too: names in `[project.optional-dependencies]`.",
        examples=[["server"]],
    )
    dependency_groups: list[ProjectName] = Field(
        default_factory=list,
        description="The dependency groups that are installed, too: names in `[dependency-groups]`, groups of Poetry or PDM, or "
        "categories of a Pipfile. Development groups are left out unless you name them.",
        examples=[["prod"]],
    )
    build_env_file: LocalPath = Field(
        "",
        description="A dotenv file on your machine (relative to hosts.toml) with variables for the build of the virtual "
        "environment, such as the login of a private package index. Only the installer and the hook `before_build` get "
        "them, not the running app. On the server only root can read the file.",
        examples=["build.env"],
    )
