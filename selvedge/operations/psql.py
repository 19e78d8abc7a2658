"""`fab psql`: the app's own database on its server, as the app's user."""

from __future__ import annotations

from typing import NoReturn

from selvedge.config.services import POSTGRES_FOLDER
from selvedge.errors import UsageError
from selvedge.operations.run_command import run_shell
from selvedge.operations.ssh import replace
from selvedge.operations.support.each_host import only_host
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words


def psql(run: Run, command: str = "") -> None:
    """Open psql on the only host of the run, or run a command in psql on each host, and print its output.

    Raises UsageError for several hosts without a command, or if the app has no database here; SelvedgeError if the command fails;
    UnreachableError.
    """
    run = run.of_app(with_database=True)
    without = [session for session in run.fleet.sessions if not session.target.services.postgres]
    if without:
        app, host, database = without[0].target.name, without[0].name, without[0].target.remote_database
        if database:
            raise UsageError(f"{host}: the database of {app} is on {database.host}.", f"Run `fab -H {database.host} psql`.")
        remedy = "Set `postgres = true` in [services], or reach another database by `fab tunnel --to HOST:PORT`."
        raise UsageError(f"{host}: the app {app} has no database from services.postgres there.", remedy)
    if "\0" in command:
        raise UsageError("A command of psql has no NUL character.", 'For example: `fab psql --command "select 1"`.')
    if command:
        run_shell(run, lambda app: call("postgres_run", app=app.name, command=command), "Correct the command.")
    else:
        _interactive(run)


def _interactive(run: Run) -> NoReturn:
    """Replace this process with ssh and psql. Its files would be in the app's folder, so psql reads and writes none."""
    session = only_host(run, "psql")
    app = session.target.name
    shell = words("env", "LC_ALL=C.UTF-8", "psql", "-X", "-v", "HISTFILE=/dev/null", "-h", POSTGRES_FOLDER, "-d", app)
    user = "runuser -u" if session.remote.user == "root" else "sudo -u"
    # The app's user cannot enter the home of the login user.
    replace(session, f"sh -c {quote(f'cd / && exec {user} {quote(app)} -- {shell}')}")
