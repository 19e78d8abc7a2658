"""Step 2 of the tutorial: a login user with a key, sshd, the firewall, fail2ban."""

from selvedge.release import preconditions
from selvedge.task import Option, step
from tasks.bans import bans
from tasks.measures import measures
from tasks.update import update

CHECK = Option("check", "Show how the server is hardened, with evidence, and change nothing.")


def check(run):
    """The score card."""
    from selvedge.operations import hardening

    hardening.check(run, [update, harden])


@step(options=(CHECK,), instead={"check": check}, precondition=preconditions.public_keys)
def harden(app):
    """Make the login user; strict sshd, firewall, fail2ban."""
    from selvedge.resources import access
    from selvedge.resources.files import Directory
    from selvedge.resources.firewall import Firewall
    from selvedge.resources.sshd import HostKey, IncludeFirst, Moduli, Proved, Sshd
    from selvedge.resources.system import Packages
    from selvedge.templates import template

    server, user = app.server, app.host.user
    keys = access.login_keys(app)
    needed = ["ufw"] * server.firewall + ["fail2ban", "python3-systemd"] * server.fail2ban
    yield Packages("sudo", "nftables", "libpam-pwquality", *needed)
    # First a way in that is proved by a fresh login; only then what could shut somebody out (docs/hardening.md).
    yield access.Admitted(user)
    yield access.LoginUser(user)
    yield access.AuthorizedKeys(user, keys)
    if server.sudo == "password":
        yield access.Password(user)
    yield Directory("/etc/sudoers.d", mode="0750")
    yield access.Sudoers(user, server.sudo)
    yield Moduli()
    yield HostKey()
    yield IncludeFirst()
    yield Sshd(template("harden/sshd.conf.j2", app=app), user)
    if server.firewall:
        yield Firewall((80, 443, *server.open_ports), limit=template("harden/before.init.j2", app=app))
    yield Proved()
    if server.fail2ban:
        yield from bans(app)
    yield from measures(app)
