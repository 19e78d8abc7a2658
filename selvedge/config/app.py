"""`[app]`: the app itself. The descriptions are the text of docs/hosts-toml.md."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from selvedge.config.giturl import is_local, without_credentials
from selvedge.config.types import (
    AppName,
    DomainName,
    DottedName,
    GitRef,
    Line,
    LocalPath,
    MemoryLimit,
    ModulePath,
    OptionalDomain,
    OptionalModule,
    PythonVersion,
    RelativePath,
    Repository,
    Seconds,
    StatusRange,
    Switch,
    UrlPath,
    Whole,
)


class Section(BaseModel):
    """A table of hosts.toml: no unknown keys, no change after loading."""

    # defer_build: pydantic builds the validator once, as part of Settings, and not also for the table alone.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False, defer_build=True)


class App(Section):
    """The app: where its code comes from, how it is built, started, checked and kept."""

    name: AppName = Field(
        description="Names the app's user, paths, process and site on the server. Lower-case letters, digits and `-`, "
        "beginning with a letter, at most 30 characters; no name that the server itself uses, nor `tls-…`, `…-tls` or `…-http`.",
        examples=["hello"],
    )
    repository: Repository = Field(
        repr=False,
        description="Where the code is: a git address that the server fetches from, or a path on this machine "
        "(relative to this file) whose commits are pushed to the server over SSH.",
        examples=["https://git.example.com/me/hello.git", "git@git.example.com:me/hello.git", "."],
    )
    branch: GitRef = Field(
        "main", description="The branch whose newest commit `deploy` releases.", examples=["main", "feature/login"]
    )
    root: RelativePath = Field(
        "", description="The folder of the app inside the repository, where it is not the top.", examples=["backend"]
    )
    module: ModulePath = Field(
        "main:app",
        description="The ASGI callable: Python module, colon, name. A factory call is not taken: make the object in "
        "the module and name it.",
        examples=["main:app", "hello.web:app"],
    )
    domains: list[DomainName] = Field(
        default_factory=list,
        description="The host names that the app answers to over HTTPS. Empty: it answers by address, plain HTTP. "
        "Names with other letters than a to z may be written as they are. No wildcards.",
        examples=[["hello.example.com", "www.hello.example.com"]],
    )
    workers: Whole | None = Field(
        None, ge=1, le=512, description="Worker processes. Default: the server's CPU cores + 1.", examples=[3]
    )
    worker_class: DottedName = Field(
        "uvicorn_worker.UvicornWorker",
        description="gunicorn's worker class.",
        examples=["uvicorn_worker.UvicornWorker"],
    )
    timeout: Whole = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds after which gunicorn replaces a worker that gives no sign.",
        examples=[60],
    )
    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        "info", description="How much gunicorn writes to the log.", examples=["warning"]
    )
    health: UrlPath = Field(
        "/", description="The path that must answer before a release gets traffic.", examples=["/health"]
    )
    health_status: list[StatusRange] = Field(
        default_factory=lambda: ["200-399"],
        min_length=1,
        description="The HTTP statuses that count as healthy: single ones or ranges.",
        examples=[[200, "300-308"]],
    )
    health_host: OptionalDomain = Field(
        "",
        description="The Host header of the health check. Default: the first of `domains`, else localhost.",
        examples=["hello.example.com"],
    )
    health_timeout: Seconds = Field(
        5.0, gt=0, le=300, description="Seconds that one health check may take.", examples=[10.0]
    )
    health_attempts: Whole = Field(
        60, ge=1, le=3600, description="How often the new release is asked before it counts as broken.", examples=[120]
    )
    health_interval: Seconds = Field(0.5, gt=0, le=60, description="Seconds between two health checks.", examples=[1.0])
    drain: Whole = Field(
        10,
        ge=0,
        le=3600,
        description="Seconds that the old release goes on serving its open connections after the switch.",
        examples=[30],
    )
    stop_timeout: Whole = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds that a release gets to end its last requests before it is killed.",
        examples=[60],
    )
    strategy: Literal["beside", "restart"] = Field(
        "beside",
        description="`beside`: the new release starts next to the old one, which leaves when the new one is healthy; "
        "no request is lost. `restart`: the old one stops first; for apps of which two must not run at once.",
        examples=["restart"],
    )
    settle: Seconds = Field(
        6.0,
        ge=0,
        le=600,
        description="Seconds that the new release must stay healthy after the switch; else the old one comes back.",
        examples=[10.0],
    )
    release_header: Switch = Field(
        True, description="Answers carry a header with the commit of their release.", examples=[False]
    )
    migrate: Line = Field(
        "",
        description="A command that runs once per deploy before the switch, in the app's folder, environment and "
        "virtual environment. Kept as written and given to `sh`.",
        examples=["alembic upgrade head"],
    )
    migrate_timeout: Whole = Field(
        600,
        ge=1,
        le=86400,
        description="Seconds that `migrate` may take; then it is ended, and the release refused.",
        examples=[3600],
    )
    manager: Literal["supervisor", "systemd"] = Field(
        "supervisor", description="What starts the app and keeps it running.", examples=["systemd"]
    )
    env_file: LocalPath = Field(
        "",
        description="A dotenv file on this machine (relative to this file) that becomes the app's environment; 0640 on "
        "the server. `${NAME}` in it is not expanded.",
        examples=["production.env"],
    )
    settings: OptionalModule = Field(
        "",
        description="The app's own settings class: it is loaded before the switch, so that a missing variable is named "
        "before it can hurt.",
        examples=["main:Settings"],
    )
    keep_releases: Whole = Field(
        5,
        ge=2,
        le=1000,
        description="How many good releases stay on the server besides the live one; of refused ones, the last "
        "stays.",
        examples=[10],
    )
    python: PythonVersion = Field(
        "", description="The Python version the app wants. Default: the system's.", examples=["3.12"]
    )
    python_from: Literal["auto", "system", "deadsnakes", "uv", "pyenv"] = Field(
        "auto",
        description="Where Python comes from. `auto`: the system's if it is the wanted version, else deadsnakes on "
        "Ubuntu and uv elsewhere.",
        examples=["uv"],
    )
    installer: Literal["uv", "pip"] = Field("uv", description="What installs the requirements.", examples=["pip"])
    requirements: RelativePath = Field(
        "",
        description="The file that names the requirements, inside the app's folder. Default: the first found of "
        "uv.lock, pylock.toml, requirements.txt, pyproject.toml.",
        examples=["requirements/production.txt"],
    )
    memory_max: MemoryLimit = Field(
        "75%", description="The most memory the app may take (manager systemd): a share or a size.", examples=["512M"]
    )
    tasks_max: Whole = Field(
        512,
        ge=16,
        le=65536,
        description="The most processes and threads of the app (manager systemd).",
        examples=[1024],
    )

    @property
    def repository_is_local(self) -> bool:
        """True if `repository` is a path on this machine."""
        return is_local(self.repository)

    @property
    def repository_shown(self) -> str:
        """`repository` without password and token, for messages and logs."""
        return without_credentials(self.repository)

    @property
    def health_ranges(self) -> list[tuple[int, int]]:
        """`health_status` as pairs of the first and the last status."""
        pairs = [status.partition("-") for status in self.health_status]
        return [(int(first), int(last or first)) for first, _, last in pairs]

    @property
    def health_host_header(self) -> str:
        """The Host header of a health check: `health_host`, else the first domain, else localhost."""
        return self.health_host or (self.domains[0] if self.domains else "localhost")
