"""Daily work with servers: their keys, releases, status and logs, and commands on them."""

import selvedge as sv
from selvedge import operations

YES = sv.Option("yes", "Accept whatever keys the servers show, without a question.")
JSON = sv.Option("json", "One JSON document for all hosts, and nothing else, on standard output.")
FOLLOW = sv.Option("follow", "Go on with what is added to them, until Ctrl-C.")
NGINX = sv.Option("nginx", "The site's logs of nginx instead: requests and errors.")
ERRORS = sv.Option("errors", "Only errors, with their tracebacks; with --nginx only its error log.")
COMMAND = sv.Option("command", "A line for sh, in quotes: --command \"alembic current\".", "")


def lines(default):
    """Return the flag --lines with this default."""
    return sv.Option("lines", "How many of the last lines.", default)


@sv.operation(YES)
def trust(run, yes=False):
    """Show the servers' host keys, and store those that you accept."""
    operations.trust.trust(run, yes=yes)


@sv.operation(JSON)
def releases(run, json=False):
    """List the releases, and which of them is live."""
    operations.releases.releases(run, as_json=json)


@sv.operation(lines(30), JSON)
def history(run, lines=30, json=False):
    """List who changed what when, and how it ended."""
    operations.history.history(run, lines=lines, as_json=json)


@sv.operation(JSON)
def status(run, json=False):
    """Say how the servers and the app are doing."""
    operations.status.status(run, as_json=json)


@sv.operation(lines(100), FOLLOW, NGINX, ERRORS)
def logs(run, lines=100, follow=False, nginx=False, errors=False):
    """Show the log of the live release, or those of nginx."""
    operations.logs.logs(run, lines=lines, follow=follow, nginx=nginx, errors=errors)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def stop(run, **flags):
    """Stop the live release; the site then answers with errors."""
    operations.stop_start.stop(run, flags)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def start(run, **flags):
    """Start the live release where it is stopped."""
    operations.stop_start.start(run, flags)


@sv.operation()
def doctor(run):
    """Look for what is wrong, and say what to do about it."""
    operations.doctor.doctor(run)


@sv.operation()
def ssh(run):
    """Log in to a server with the system's ssh."""
    operations.ssh.ssh(run)


@sv.operation(COMMAND, name="run")
def run_command(run, command=""):
    """Run a command as the live release's own processes run."""
    operations.run_command.run_command(run, command)
