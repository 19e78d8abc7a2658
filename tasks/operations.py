"""Looking after servers: who they are, what is live, how it is doing, and what to do about it."""

from selvedge.task import DRY_RUN, SCRIPT, WAIT, Option, operation

YES = Option("yes", "Accept whatever keys the servers show, without a question.")
JSON = Option("json", "One JSON document for all hosts, and nothing else, on standard output.")
FOLLOW = Option("follow", "Go on with what is added to them, until Ctrl-C.")
NGINX = Option("nginx", "The site's logs of nginx instead: requests and errors.")
ERRORS = Option("errors", "Only errors, with their tracebacks; with --nginx only its error log.")
COMMAND = Option("command", "A line for sh, in quotes: --command \"alembic current\".", "")


def lines(default):
    """The flag --lines."""
    return Option("lines", "How many of the last lines.", default)


@operation(YES)
def trust(run, yes=False):
    """Show the servers' host keys, and store those that you accept."""
    from selvedge.operations import trust

    trust.trust(run, yes=yes)


@operation(JSON)
def releases(run, json=False):
    """List the releases, and which of them is live."""
    from selvedge.operations import releases

    releases.releases(run, as_json=json)


@operation(lines(30), JSON)
def history(run, lines=30, json=False):
    """List who changed what when, and how it ended."""
    from selvedge.operations import releases

    releases.history(run, lines=lines, as_json=json)


@operation(JSON)
def status(run, json=False):
    """Say how the servers and the app are doing."""
    from selvedge.operations import status

    status.status(run, as_json=json)


@operation(lines(100), FOLLOW, NGINX, ERRORS)
def logs(run, lines=100, follow=False, nginx=False, errors=False):
    """Show the log of the live release, or those of nginx."""
    from selvedge.operations import logs

    logs.logs(run, lines=lines, follow=follow, nginx=nginx, errors=errors)


@operation(DRY_RUN, SCRIPT, WAIT)
def stop(run, **flags):
    """Stop the live release; the site then answers with errors."""
    from selvedge.operations import stop_start

    run.chain([stop_start.stopped()], flags)


@operation(DRY_RUN, SCRIPT, WAIT)
def start(run, **flags):
    """Start the live release where it is stopped."""
    from selvedge.operations import stop_start

    run.chain([stop_start.started()], flags)


@operation()
def doctor(run):
    """Look for what is wrong, and say what to do about it."""
    from selvedge.operations import doctor

    doctor.doctor(run)


@operation()
def ssh(run):
    """Log in to a server with the system's ssh."""
    from selvedge.operations import ssh

    ssh.ssh(run)


@operation(COMMAND, name="run")
def run_command(run, command=""):
    """Run a command as the live release's own processes run."""
    from selvedge.operations import run_command as commands

    commands.run_command(run, command)
