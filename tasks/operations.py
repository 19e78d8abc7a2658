"""Daily work with servers: host keys, releases, status, logs and commands."""

import selvedge as sv
from selvedge import operations

from .chains import deploy

YES = sv.Option("yes", "Accept all host keys without a question.")
JSON = sv.Option("json", "Print one JSON document for all hosts, and nothing else.")
FOLLOW = sv.Option("follow", "Keep printing new lines until you press Ctrl-C.")
NGINX = sv.Option("nginx", "Show nginx's logs of the site: requests and errors.")
ERRORS = sv.Option("errors", "Show only errors (with --nginx, only its error log).")
LINES = sv.Option("lines", "Show this many of the latest lines (usually 100).", -1)
SINCE = sv.Option("since", "Start at this time: 10m, 14:30, 2026-11-29T14:30.", "")
UNTIL = sv.Option("until", "End at this time, in the same forms.", "")
GREP = sv.Option("grep", "Show only records that contain this text.", "")
PROCESS = sv.Option("process", "Show the logs of this process of [processes].", "")
TIMER = sv.Option("timer", "Show the log of this timer.", "")
RUN = sv.Option("run", "Run this timer now, and show its output.", "")
RAW = sv.Option("raw", "Print the lines unchanged, for another program.")
ONLY = sv.Option("only", "Show only these, e.g. \"nginx, app.health\".", "")
SET = sv.Option("set", "Ask for this variable's value, store and release it.", "")
COMMAND = sv.Option("command", "Run this shell command, e.g. \"alembic current\".", "")
SQL = sv.Option("command", "Run this in psql, e.g. \"select 1\" or \"\\dt\".", "")
PORT = sv.Option("port", "Forward to this port of the server.", 0)
TO = sv.Option("to", "Forward to this socket, port or HOST:PORT.", "")
LOCAL = sv.Option("local", "Listen at this port of your machine (default: the same).", 0)
ON = sv.Option("on", "Show the page until --off, also over deploys and reboots.")
OFF = sv.Option("off", "Send visitors to the app again.")
ALLOW = sv.Option("allow", "Let these addresses through, separated by commas.", "")
RETRY = sv.Option("retry_after", "Tell clients to ask again after this many seconds.", 0)
DAYS = sv.Option("days", "Report on this many days.", 7)
HTML = sv.Option("html", "Write the page to this file: FILE.html.", "")
INSTALL = sv.Option("install", "Install Debian's package goaccess on the server.")
WHOLE = sv.Option("whole_addresses", "Show visitors' whole addresses.")
WEEK = sv.Option("week", "Show the last week instead of the last day.")
USER = sv.Option("user", "Connect as this user of the server, with sudo.", "")


@sv.operation(YES)
def trust(run, yes=False):
    """Show the servers' host keys; store those that you accept."""
    operations.trust.trust(run, yes=yes)


@sv.operation(JSON)
def releases(run, json=False):
    """List the releases and show which one is live."""
    operations.releases.releases(run, as_json=json)


@sv.operation(sv.Option("lines", "Show this many of the latest runs.", 30), JSON)
def history(run, lines=30, json=False):
    """List past runs: who changed what, when, and the result."""
    operations.history.history(run, lines=lines, as_json=json)


@sv.operation(JSON)
def status(run, json=False):
    """Show the state of the servers and the app."""
    operations.status.status(run, as_json=json)


@sv.operation(PROCESS, LINES, SINCE, UNTIL, GREP, FOLLOW, NGINX, TIMER, ERRORS, RAW)
def logs(run, **flags):
    """Show the logs of the live release or of nginx."""
    operations.logs.logs(run, operations.logs.Flags(**flags))


@sv.operation(DAYS, HTML, JSON, INSTALL, WHOLE)
def traffic(run, days=7, html="", json=False, install=False, whole_addresses=False):
    """Write GoAccess's report of nginx's log to a page."""
    options = {"as_json": json, "install": install, "whole_addresses": whole_addresses}
    operations.traffic.traffic(run, days=days, html=html, **options)


@sv.operation(WEEK, HTML)
def dashboard(run, week=False, html=""):
    """Write charts of the server's metrics to a page."""
    operations.dashboard.dashboard(run, week=week, html=html)


@sv.operation(RUN, JSON)
def timers(fleet_run, /, **flags):
    """Show the timers: next run, last run and its result."""
    if flags["run"]:
        operations.timers.run_timer(fleet_run, flags["run"])
    else:
        operations.timers.timers(fleet_run, as_json=flags["json"])


@sv.operation()
def notify(run):
    """Send a test message to the addresses for messages."""
    operations.notify.notify(run)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def stop(run, **flags):
    """Stop the app; its site answers with errors until `start`."""
    operations.stop_start.stop(run, flags)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def start(run, **flags):
    """Start the app if it is stopped."""
    operations.stop_start.start(run, flags)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def drain(run, **flags):
    """Keep the balancer's new requests away from a web server."""
    operations.drain.drain(run, flags)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def undrain(run, **flags):
    """Let the balancer send requests to a web server again."""
    operations.drain.undrain(run, flags)


@sv.operation(ON, OFF, ALLOW, RETRY, sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def maintenance(run, on=False, off=False, allow="", retry_after=0, **flags):
    """Show visitors a maintenance page in place of the app."""
    operations.maintenance.maintenance(run, on=on, off=off, allow=allow, retry_after=retry_after, flags=flags)


@sv.operation(SET, JSON, sv.WAIT)
def env(run, set="", json=False, wait=0):
    """Compare the app's variables on the servers with yours."""
    if set:
        operations.env_set.env_set(run, set, deploy, wait=wait, as_json=json)
    else:
        operations.env.env(run, as_json=json)


@sv.operation(ONLY, JSON)
def config(run, only="", json=False):
    """Show each setting of a server and where it comes from."""
    operations.config.config(run, only=only, as_json=json)


@sv.operation()
def doctor(run):
    """Find problems and show how to fix them."""
    operations.doctor.doctor(run)


@sv.operation()
def ssh(run):
    """Log in to a server with ssh."""
    operations.ssh.ssh(run)


@sv.operation(SQL)
def psql(run, command=""):
    """Open psql in the app's database on its server."""
    operations.psql.psql(run, command)


@sv.operation()
def console(run):
    """Open Python in the live release's environment."""
    operations.console.console(run)


@sv.operation(PORT, TO, LOCAL, USER)
def tunnel(run, port=0, to="", local=0, user=""):
    """Forward a local port to a port or socket of the server."""
    operations.tunnel.tunnel(run, port=port, to=to, local=local, user=user)


@sv.operation(COMMAND, name="run")
def run_command(run, command=""):
    """Run a command in the live release's environment."""
    operations.run_command.run_command(run, command)
