"""`[app]`: the app itself. The reference page of hosts.toml shows the descriptions, and their "Default: …" as the default."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from selvedge.config.app_types import SettingsClass, SharedPaths
from selvedge.config.carried_paths import CarriedPaths
from selvedge.config.giturl import is_local, without_credentials
from selvedge.config.types import (
    AppName,
    DomainName,
    GitRef,
    Line,
    LocalPath,
    MemoryLimit,
    ModulePath,
    OptionalDomain,
    RelativePath,
    Repository,
    Seconds,
    StatusRange,
    Switch,
    UrlPath,
    Whole,
)
from selvedge.config.workers import Workers


class App(Workers):
    """The app: its code, how it is built and started, when a release is healthy, and how releases replace each other."""

    name: AppName = Field(
        description="The app's name on the server: its user, its folder `/srv/NAME`, its process and its nginx site. "
        "Lower-case letters, digits and `-`, beginning with a letter, at most 30 characters; names that the system uses are "
        "rejected. A new name is a new app: remove it with `fab remove` before you rename it.",
        examples=["hello"],
    )
    repository: Repository = Field(
        repr=False,
        description="The git repository: an address that the server fetches from, or a path on your machine (relative to "
        "hosts.toml). Selvedge pushes the commits of a path to the server over SSH.",
        examples=["https://git.example.com/me/hello.git", "git@git.example.com:me/hello.git", "."],
    )
    branch: GitRef = Field(
        "main",
        description="The branch whose newest commit `fab deploy` releases. `--branch NAME` overrides it for one deploy.",
        examples=["main", "feature/login"],
    )
    root: RelativePath = Field(
        "",
        description="The app's folder in the repository. Set it if the app is not in the top folder. Default: top folder.",
        examples=["backend"],
    )
    carry: CarriedPaths = Field(
        default_factory=list,
        description="Folders and files on your machine that go along with the release although git ignores them, such as a front "
        "end that `before_build` builds with `local:`. The paths begin at the folder of `repository`; if that is an address, "
        "at the folder of hosts.toml. In the release they have the same place.",
        examples=[["frontend/dist"]],
    )
    deploy_key_type: Literal["ed25519", "ecdsa", "rsa"] = Field(
        "ed25519",
        description="The type of the server's deploy key. Set it if the git server takes only other types, for example `rsa` for "
        "Azure DevOps. A change makes a new key, which you then have to add to the repository.",
        examples=["rsa"],
    )
    module: ModulePath = Field(
        "main:app",
        description="The ASGI app as `module:name`, as for uvicorn. A function that makes the app is called: "
        "`main:create_app()`. Without the parentheses, it is called if it needs no arguments.",
        examples=["main:app", "hello.web:app", "main:create_app()"],
    )
    factory: Switch = Field(
        False,
        description="Call the function that `module` names, as uvicorn's `--factory` does. Set it if Selvedge does not "
        "recognize the factory.",
        examples=[True],
    )
    shared_paths: SharedPaths = Field(
        default_factory=list,
        description="Files and folders in the app's folder that the app writes to. In each release they are links to "
        "`/srv/NAME/shared`, so that all releases share them. A name with a dot is a file unless it ends with `/`.",
        examples=[["uploads", "database.db"]],
    )
    domains: list[DomainName] = Field(
        default_factory=list,
        description="The app's host names, which it serves over HTTPS. Without one, the app answers at the server's address "
        "over plain HTTP. International names may be written as they are. A wildcard such as `*.example.com` needs "
        "`tls.challenge = \"dns\"`, and another name beside it.",
        examples=[["hello.example.com", "www.hello.example.com"]],
    )
    health: UrlPath = Field(
        "/",
        description="The path of the health check. A release gets requests only after this path has answered. Choose one "
        "that fails if the app cannot work, for example without its database. A new value counts from the next release on.",
        examples=["/health"],
    )
    health_status: list[StatusRange] = Field(
        default_factory=lambda: ["200-399"],
        min_length=1,
        description="The HTTP statuses of a healthy answer: single ones and ranges.",
        examples=[[200, "300-308"]],
    )
    health_host: OptionalDomain = Field(
        "",
        description="The Host header of the health check. Set it if the app answers only to some host names. "
        "Default: first of `domains`, else localhost.",
        examples=["hello.example.com"],
    )
    health_timeout: Seconds = Field(
        5.0, gt=0, le=300, description="Seconds that the app has to answer a health check.", examples=[10.0]
    )
    start_timeout: Whole | None = Field(
        None,
        ge=1,
        le=3600,
        description="Seconds that a new release has to start: its import, its lifespan, and the first answer to the health "
        "check. Raise it for slow apps, for example those that load a model. Default: 120, or `timeout` if that is more.",
        examples=[300],
    )
    health_attempts: Whole = Field(
        60,
        ge=1,
        le=3600,
        description="The number of health checks that a new release may fail, counted from its first answer on. Raise it if the "
        "app answers with an error, such as 503, until it is ready.",
        examples=[120],
    )
    health_interval: Seconds = Field(0.5, gt=0, le=60, description="Seconds between two health checks.", examples=[1.0])
    settle: Seconds = Field(
        6.0,
        ge=0,
        le=600,
        description="Seconds after the switch in which the new release must stay healthy. If it does not, the previous "
        "release is made live again.",
        examples=[10.0],
    )
    strategy: Literal["beside", "restart"] = Field(
        "beside",
        description="`beside`: start the new release while the live one serves, then switch; no request is lost. `restart`: "
        "stop the live release first; requests fail until the new one is up. Use it if two releases must not run at once "
        "(a port or lock file of its own), or if memory is short.",
        examples=["restart"],
    )
    drain: Whole = Field(
        10,
        ge=0,
        le=3600,
        description="Seconds for which the previous release keeps serving its open connections after the switch. Raise it "
        "for long requests, downloads or WebSockets.",
        examples=[30],
    )
    stop_timeout: Whole = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds that a release has to finish its requests when it is stopped. Then it is killed.",
        examples=[60],
    )
    keep_releases: Whole = Field(
        5,
        ge=2,
        le=1000,
        description="The number of good releases kept on the server besides the live one, for rollbacks. Of failed releases, "
        "the last one is kept.",
        examples=[10],
    )
    release_header: Switch = Field(
        True,
        description="Send the name of the release in the header `X-Release` of each response.",
        examples=[False],
    )
    migrate: Line = Field(
        "",
        description="A shell command that migrates the database, once per deploy before the switch. It runs in the app's "
        "folder, with its environment and virtual environment.",
        examples=["alembic upgrade head"],
    )
    migrate_timeout: Whole = Field(
        600,
        ge=1,
        le=86400,
        description="Seconds that `migrate` may take. Then it is stopped, and the deploy fails.",
        examples=[3600],
    )
    wait_for: Whole = Field(
        30,
        ge=0,
        le=3600,
        description="Seconds for which a deploy waits for a database or queue that does not answer yet, before it migrates and "
        "starts the app. The addresses are those in the app's variables, such as `DATABASE_URL`. 0: do not ask them.",
        examples=[120],
    )
    manager: Literal["supervisor", "systemd", "docker"] = Field(
        "supervisor",
        description="The process manager that starts the app and restarts it if it crashes. systemd isolates the app more "
        "strictly and limits its memory. docker runs it in a container, from an image that is built by the app's own "
        "Dockerfile in place of a virtual environment.",
        examples=["systemd"],
    )
    env_file: LocalPath = Field(
        "",
        description="The environment file: a dotenv file on your machine (relative to hosts.toml) with the app's environment "
        "variables, secrets included. On the server only root and the app can read it. `${NAME}` is not expanded.",
        examples=["production.env"],
    )
    env_command: Line = Field(
        "",
        description="A command on your machine that prints the app's environment as a dotenv file does, in place of `env_file`: "
        "a password manager, or a program that decrypts a file. `sh` runs it in the folder of hosts.toml, once for all servers. "
        "Selvedge does not show or store what it prints.",
        examples=["sops -d production.env"],
    )
    settings: SettingsClass = Field(
        "",
        description="The app's pydantic-settings class as `module:name`. Selvedge creates it before the release starts, so that "
        "a missing variable stops the deploy at once. `false` turns the check off. Default: `Settings` in settings.py or "
        "config.py if it exists; its error counts only if the app does not start.",
        examples=["main:Settings", False],
    )
    memory_max: MemoryLimit = Field(
        "75%",
        description="The most memory that the app may use: a share of the server's memory or a size. Needs "
        '`manager = "systemd"` or `"docker"`, '
        "except for each run of a timer.",
        examples=["512M"],
    )
    tasks_max: Whole = Field(
        512,
        ge=16,
        le=65536,
        description='The most processes and threads that the app may have. Needs `manager = "systemd"` or `"docker"`, '
        "except for each run of a timer.",
        examples=[1024],
    )

    @model_validator(mode="after")
    def _check_index_strategy(self) -> Self:
        if self.installer == "pip" and self.index_strategy not in {None, "unsafe-best-match"}:
            raise ValueError(
                f'index_strategy = "{self.index_strategy}" needs installer = "uv": pip always takes the best version of all indexes'
            )
        return self

    @model_validator(mode="after")
    def _check_image_name(self) -> Self:
        if self.manager == "docker" and self.name.endswith("-"):
            raise ValueError('manager = "docker" names the images like the app, and the name of an image cannot end with "-"')
        return self

    @model_validator(mode="after")
    def _check_environment(self) -> Self:
        if self.env_file and self.env_command:
            raise ValueError(
                "env_file and env_command are both set, and the environment comes from one of them: delete one. A host that "
                'needs the other one sets this one to "" in its own table'
            )
        return self

    @property
    def start_seconds(self) -> int:
        """`start_timeout` or its default, in seconds."""
        return self.start_timeout or max(120, self.timeout)

    @property
    def asgi(self) -> str:
        """`module`, with `()` at its end if it is a factory."""
        return f"{self.module}()" if self.factory and not self.module.endswith("()") else self.module

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
