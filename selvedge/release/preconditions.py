"""Checks of files on this machine that steps need, before any server is contacted.

Each function imports the modules that it needs, because `fab --list` loads this module and calls no function of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from selvedge.config.target import Target


def read_commits(apps: Iterable[Target]) -> None:
    """Have git read the commits on this machine while the modules of the checks load, about 6 ms each.

    An error is left to the check that asks git again.
    """
    from selvedge.errors import SelvedgeError
    from selvedge.resources.code.local_repository import local_commit
    from selvedge.resources.code.tree import entries

    def read(repository: Path, ref: str) -> None:
        with suppress(SelvedgeError):
            entries(repository, local_commit(repository, ref))

    commits = {(app.repository_path, app.ref) for app in apps if app.repository_path is not None}
    if not commits:
        return
    with ThreadPoolExecutor() as pool:
        for repository, ref in commits:
            pool.submit(read, repository, ref)
        import selvedge.release.commits
        import selvedge.resources.code.project  # noqa: F401


def public_keys(app: Target) -> None:
    """Check that there is a public key for the login user. Raises UsageError."""
    from selvedge.resources.access.logins import login_keys

    login_keys(app)


def runs_app(app: Target) -> None:
    """Check that the app runs on the host. Raises UsageError for a host that is only its balancer, or has only its database."""
    from selvedge.errors import UsageError

    if app.has_only_database:
        remedy = f"Run this step on the group {app.services.clients}, and `fab -H {app.host.name} setup` there."
        raise UsageError(f"{app.host.name} has only the database (services.clients), so the app does not run there.", remedy)
    if app.backends:
        name = app.host.name
        remedy = f"Run `fab -H {name} balancer` there, and this step on the group of the backends."
        raise UsageError(f"{name} is a balancer ([balancer]), so the app does not run there.", remedy)


def runs_images(app: Target) -> None:
    """Check that the app runs in containers on the host. Raises UsageError."""
    from selvedge.errors import UsageError
    from selvedge.release.refs import without_images

    if why := without_images(app):
        raise UsageError(why, 'Set `manager = "docker"` in [app]. Without it, `fab venv` installs the app\'s packages.')


def balancer(app: Target) -> None:
    """Check that the host is a balancer, and what its site needs on this machine. Raises ConfigError or UsageError."""
    from selvedge.errors import UsageError
    from selvedge.resources.messages import check_messages

    host = app.balancer_site
    if host is None:
        remedy = f'Add it to a table [balancer] in hosts.toml: `hosts = ["{app.host.name}"]`.'
        raise UsageError(f"{app.host.name} is not a balancer.", remedy)
    _site(host)
    _certificates(host)
    check_messages(host)


def repository(app: Target) -> None:
    """Check that a repository on this machine has the commit and all that it needs, and that app.carry can be carried.

    Raises ConfigError or UsageError.
    """
    runs_app(app)
    from selvedge.resources.code import carried, pushed

    if app.repository_is_local:
        pushed.check(app)
    if app.carry and not app.carry_commands:
        carried.check(app.carry_base, tuple(app.carry))


def environment(app: Target) -> None:
    """Check that app.env_file is a dotenv file, or that app.env_command prints one. Raises ConfigError."""
    runs_app(app)
    from selvedge.config.dotenv import app_environment

    app_environment(app)


def postgres(app: Target) -> None:
    """Check that the app has PostgreSQL on some server, and the password if others use it. Raises UsageError or ConfigError."""
    from selvedge.config.secret_names import SERVICES_PASSWORD

    # A run for the server that has the database creates the password (new_password.py).
    if app.database and (SERVICES_PASSWORD in app.passwords or not app.database.here):
        app.database_password  # noqa: B018
    if app.has_only_database:
        from selvedge.resources.backups import check_backup
        from selvedge.resources.messages import check_messages

        check_backup(app)
        check_messages(app)
        return
    _service(app, "postgres", wanted=app.services.postgres)


def redis(app: Target) -> None:
    """Check that the app has Redis on some server. Raises UsageError."""
    _service(app, "redis", wanted=app.services.redis)


def metrics(app: Target) -> None:
    """Check that the app has metrics on some server, and the addresses of its alerts. Raises UsageError or ConfigError."""
    from selvedge.errors import UsageError
    from selvedge.resources.messages import check_messages

    if not (app.metrics.enabled or app.metrics.server):
        raise UsageError(f"The app {app.name} has no metrics in hosts.toml.", "Add `enabled = true` to a table [metrics].")
    if app.metrics.enabled and not app.asked_by:
        check_messages(app)


def _service(app: Target, name: str, *, wanted: bool) -> None:
    from selvedge.errors import UsageError

    runs_app(app)
    if not (wanted or app.services.hosts):
        raise UsageError(f"The app {app.name} has no services.{name} in hosts.toml.", f"Add `{name} = true` to a table [services].")


def switch(app: Target) -> None:
    """Check the app's environment, and what the backups and the messages need on this machine. Raises ConfigError."""
    from selvedge.resources.backups import check_backup
    from selvedge.resources.messages import check_messages

    environment(app)
    check_backup(app)
    check_messages(app)


def build(app: Target) -> None:
    """Check the environments of the app and of its build, and whether a commit on this machine can be built.

    Raises ConfigError.
    """
    runs_app(app)
    from selvedge.config.dotenv import app_environment, build_environment
    from selvedge.resources.code.local_repository import local_commit
    from selvedge.resources.code.project import check_project

    app_environment(app)
    build_environment(app)
    if app.repository_path is not None:
        check_project(app, local_commit(app.repository_path, app.ref))


def image(app: Target) -> None:
    """Check the environments of the app and of its build, and that the image can be made: by whom, and from a Dockerfile.

    Raises ConfigError or UsageError.
    """
    runs_app(app)
    runs_images(app)
    from selvedge.config.dotenv import app_environment, build_environment
    from selvedge.errors import ConfigError
    from selvedge.resources.code.image import DOCKERFILE
    from selvedge.resources.code.local_repository import local_commit
    from selvedge.resources.code.project import Commit

    app_environment(app)
    build_environment(app)
    if app.hooks.after_build:
        raise ConfigError(
            "hosts.toml", "hooks.after_build", 'cannot run with app.manager = "docker": the image has the code',
            f"Move the commands to {DOCKERFILE}.",
        )  # fmt: skip
    if app.release.image:
        return
    _builder(app)
    if app.repository_path is not None:
        commit = local_commit(app.repository_path, app.ref)
        paths = dict.fromkeys([f"{app.root}/{DOCKERFILE}".lstrip("/"), DOCKERFILE])
        code = Commit(app.repository_path, commit)
        if all(code.read(path) is None for path in paths):
            where = f"{app.repository_path} at {commit[:12]}"
            problem = f'there is no {" and no ".join(paths)}, from which app.manager = "docker" builds the image'
            raise ConfigError(where, "", problem, "Write one with `fab export.docker`, and commit it.")


def _builder(app: Target) -> None:
    """Check who builds the image. Raises UsageError or ConfigError."""
    import shutil

    from selvedge.errors import ConfigError, UsageError
    from selvedge.resources.code import local_engine
    from selvedge.resources.code.hook import server_commands

    if app.docker.build == "elsewhere":
        name = app.docker.registry or "registry.example.com/team/blog"
        raise UsageError(
            f'{app.host.name}: [docker] build is "elsewhere", so the command has to name the image.',
            f"Add it with its digest: `--image {name}@sha256:…`.",
        )
    if app.docker.build == "here":
        if server_commands(app.hooks.before_build):
            problem = 'runs on the server, and with docker.build = "here" the image is built on your machine'
            remedy = "Move the commands to the Dockerfile, or begin them with local:."
            raise ConfigError("hosts.toml", "hooks.before_build", problem, remedy)
        if not shutil.which("docker"):
            raise local_engine.missing()


def certificates(app: Target) -> None:
    """Check the certificates that hosts.toml names, the account's key and the credentials for the DNS.

    Raises ConfigError or UsageError.
    """
    runs_app(app)
    _certificates(app)


def _certificates(app: Target) -> None:
    from selvedge.resources.nginx.acme import dns_credentials, eab
    from selvedge.resources.nginx.own_certificate import OwnCertificate, certificates_only

    if app.domains and not app.tls.upstream:
        if app.tls.certificate:
            OwnCertificate.of(app)
            return
        eab(app)
        dns_credentials(app)
        if app.tls.acme_ca:
            certificates_only(app.local_file(app.tls.acme_ca), "tls.acme_ca")


def site(app: Target) -> None:
    """Check the passwords and the user's own lines for the site. Raises ConfigError or UsageError."""
    runs_app(app)
    _site(app)


def _site(app: Target) -> None:
    from selvedge.resources.nginx.include import included_lines
    from selvedge.resources.nginx.maintenance import maintenance_page

    for user in app.nginx.basic_auth:
        app.password(user)
    included_lines(app)
    if app.backends:
        maintenance_page(app, 5, planned=False)
