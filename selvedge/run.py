"""A run: one command line, its settings and its servers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fabric import Config

from selvedge.config.files import display_name, named_hosts_file
from selvedge.config.load import load
from selvedge.config.secret_names import NOTIFY_URLS
from selvedge.config.settings import Settings
from selvedge.errors import UsageError
from selvedge.project.collection import outdated_copies
from selvedge.ssh import openssh
from selvedge.ssh.config import for_host, request_for
from selvedge.ssh.flags import configuration_file, typed_keys

if TYPE_CHECKING:
    from selvedge.config.hosts import Host
    from selvedge.engine.fleet import Fleet
    from selvedge.engine.session import Session
    from selvedge.release.commits import Commits
    from selvedge.report import Report
    from selvedge.task import Step


class Run:
    """The settings and servers of one command line."""

    def __init__(self, settings: Settings, fleet: Fleet) -> None:
        self.settings = settings
        self.fleet = fleet
        self.flags: Mapping[str, Any] = {}
        """The flags of a step that runs in another way (Step.instead)."""

    @classmethod
    def load(cls, names: Sequence[str], config: Config, report: Report | None = None) -> Run:
        """Read hosts.toml and choose the servers, without contacting them.

        report: where the output goes, in place of a new report. Raises ConfigError and UsageError (exit status 2), also if ssh's
        configuration has an error.
        """
        # paramiko logs the traceback of a failed connection. The error that Selvedge raises is enough for a user.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        settings = load()
        openssh.forget()
        ssh_config = configuration_file(config)
        typed = config.sudo.password
        known = settings.sudo_password
        password = typed or (known.get_secret_value() if known else "")
        hosts = settings.select(names, in_ssh_config=lambda name: openssh.configures(name, ssh_config))
        with openssh.asking(request_for(host, host.user, ssh_config) for host in hosts):
            # These take longer to load than ssh takes to answer.
            from selvedge.engine.fleet import Fleet
            from selvedge.engine.session import Session
            from selvedge.report import Report
            from selvedge.resources.code import local_repository
            from selvedge.ssh.connection import Credentials, Remote

            local_repository.forget()
            report = report or Report()
            report.handle_suspension()
        keys = typed_keys(config)

        def session(host: Host) -> Session:
            address = for_host(host, host.user, ssh_config).address
            remote = Remote(host, config, Credentials(password), report.warning)
            return Session(settings.target(host).reached(ssh_config, keys, address), remote, report)

        sessions = [session(host) for host in hosts]
        report.hosts([session.name for session in sessions])
        reach = _reaching(settings.hosts, session)
        fleet = Fleet(sessions, report, settings.rollout, settings.notify, balancers=settings.balancer.hosts, reach=reach)
        return cls(settings, fleet)

    @cached_property
    def commits(self) -> Commits:
        """The commits of this run."""
        from selvedge.release.commits import Commits

        return Commits()

    @property
    def report(self) -> Report:
        return self.fleet.report

    def of_app(self, *, with_database: bool = False) -> Run:
        """Return this run without the hosts that only balance ([balancer]) or have only the database: the app does not run there.

        with_database: keep those that have its database. Raises UsageError if none is left.
        """
        targets = {session.name: session.target for session in self.fleet.sessions}
        servers = [name for name, app in targets.items() if app.runs_here or (with_database and app.has_only_database)]
        if len(servers) == len(targets):
            return self
        if not servers:
            why = {"only balances ([balancer])": False, "has only the database (services.clients)": True}
            reasons = [text for text, only in why.items() if any(app.has_only_database == only for app in targets.values())]
            group = self.settings.balancer.backends or self.settings.services.clients
            remedy = f"Name the servers that run it: `fab -H {group} …`."
            raise UsageError(f"The app does not run on {', '.join(targets)}, which {' or '.join(reasons)}.", remedy)
        chosen = [session for session in self.fleet.sessions if session.name in servers]
        # The balancers are still asked about their backends, over the connections that they have.
        self.fleet.reached.update({session.name: session for session in self.fleet.sessions if session.name not in servers})
        return Run(self.settings, replace(self.fleet, sessions=chosen))

    def check(self, tasks: Sequence[Step], options: Mapping[str, Any]) -> None:
        """Check the tasks' preconditions before any server is contacted. Raises ConfigError or UsageError."""
        from selvedge.release.preconditions import read_commits
        from selvedge.release.refs import ref_of, requested_image

        apps = [
            each.target.releasing(
                replace(each.release, ref=ref_of(each.name, options), image=requested_image(each.target, options))
            )
            for each in self.fleet.sessions
        ]
        parts = [(app, step) for app in apps for step in dict.fromkeys(part for task in tasks for part in task.parts(app))]
        if NOTIFY_URLS in apps[0].passwords:
            # It loads what most runs load while the logins are under way.
            from selvedge.release import notify

            notify.check(apps[0].passwords)
        read_commits(app for app, step in parts if step.needs_commit)
        for app, step in parts:
            if step.precondition:
                step.precondition(app)
        if not options.get("script"):
            self._warn_of_tracked_files()

    def _warn_of_tracked_files(self) -> None:
        from selvedge.resources.code.tracked import tracked_warning

        targets = (session.target for session in self.fleet.sessions)
        for path in dict.fromkeys(app.local_file(app.env_file) for app in targets if app.env_file):
            if warning := tracked_warning(path):
                self.report.line(f"app.env_file: {warning[0]}. {warning[1]}")

    def name_hosts_file(self) -> None:
        """Print which file and app are meant if $SELVEDGE_HOSTS_FILE chose the file: its user may have forgotten that."""
        if file := named_hosts_file():
            self.report.line(f"SELVEDGE_HOSTS_FILE is set: this run uses {display_name(file)}, the app {self.settings.app.name}.")

    def name_outdated_copies(self) -> None:
        """Warn of tasks and templates in the project that a new version of the package has left behind."""
        if sentence := outdated_copies():
            self.report.warning(sentence)

    def check_named_files(self) -> None:
        """Check the keys and known_hosts files of all servers before one is contacted. Raises UsageError."""
        from selvedge.ssh.named_files import check_named_files

        for session in self.fleet.sessions:
            check_named_files(session.target.host)

    def chain(self, tasks: Sequence[Step], options: Mapping[str, Any]) -> None:
        """Run the tasks as one chain, with the flags of the command line. Raises SelvedgeError."""
        # Imported here, so that the modules load while the logins are under way.
        from selvedge.release.chain import run_chain

        try:
            if options.get("skip_unreachable"):
                self.fleet.leave_out_unreachable()
            run_chain(self.fleet, self.commits, tasks, options)
        finally:
            self.report.stop()

    def close(self) -> None:
        """Close all connections, and remove the live area from the terminal."""
        self.report.stop()
        self.fleet.close()


def _reaching(hosts: Mapping[str, Host], session: Callable[[Host], Session]) -> Callable[[str], Session]:
    """Return the function that makes a session with a host outside of the run, by its name."""

    def reach(name: str) -> Session:
        from selvedge.ssh.named_files import check_named_files

        check_named_files(hosts[name])
        return session(hosts[name])

    return reach
