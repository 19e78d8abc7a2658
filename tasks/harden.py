"""Step 2 of the tutorial: a login user with a key, sshd, the firewall, fail2ban."""

import selvedge as sv
from selvedge import operations
from selvedge.release import preconditions

from .parts.bans import bans
from .parts.firewall import firewall
from .parts.system_settings import system_settings
from .update import update

CHECK = sv.Option("check", "Show each hardening check with evidence; change nothing.")


def check(run):
    """Print the results of the hardening checks."""
    operations.hardening.check(run, [update, harden])


@sv.step(options=(CHECK,), instead={"check": check}, precondition=preconditions.public_keys)
def harden(app):
    """Create the login user; set up sshd, firewall, fail2ban."""
    server, user = app.machine, app.host.user
    keys = sv.login_keys(app)
    needed = ["ufw"] * server.firewall + ["fail2ban", "python3-systemd"] * server.fail2ban
    yield sv.Packages("sudo", "nftables", "libpam-pwquality", *needed)
    # The login comes first, so that Selvedge can test it before the changes that could lock you out.
    yield sv.LoginAllowed(user)
    yield sv.LoginUser(user)
    yield sv.AuthorizedKeys(user, keys)
    if server.sudo == "password":
        yield sv.Password(user)
    yield sv.Directory("/etc/sudoers.d", mode="0750")
    yield sv.Sudoers(user, server.sudo, sv.template("harden/sudoers.j2", app=app))
    yield sv.Moduli()
    yield sv.HostKey()
    yield sv.IncludeFirst()
    yield sv.Sshd(sv.template("harden/sshd.conf.j2", app=app), user)
    yield from firewall(app)
    yield sv.NoPendingUndo()
    if server.fail2ban:
        yield from bans(app)
    yield from system_settings(app)
