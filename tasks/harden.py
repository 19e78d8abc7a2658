"""Step 2 of the tutorial: a login user with a key, sshd, the firewall, fail2ban."""

from selvedge import localfiles
from selvedge.step import Option, step
from tasks.update import update

CHECK = Option("check", "Show how the server is hardened, with evidence, and change nothing.")


def check(run):
    """The score card."""
    from selvedge.operations import scorecard

    scorecard.check(run, [update, harden])


@step(options=(CHECK,), instead={"check": check}, local=localfiles.public_keys)
def harden(app):
    """Make the login user; strict sshd, firewall, fail2ban."""
    from selvedge.resources import access
    from selvedge.resources.files import Directory, File
    from selvedge.resources.firewall import Firewall
    from selvedge.resources.kernel import Sysctl, TimeSync
    from selvedge.resources.sshd import HostKey, IncludeFirst, Moduli, Proved, Sshd
    from selvedge.resources.system import Packages, Service
    from selvedge.templates import template

    server, user = app.server, app.host.user
    keys = access.login_keys(app)
    yield Packages("sudo", "nftables", *["ufw"] * server.firewall, *["fail2ban", "python3-systemd"] * server.fail2ban)
    # First a way in that is proved by a fresh login; only then what could shut somebody out (docs/hardening.md).
    yield access.LoginUser(user)
    yield access.AuthorizedKeys(user, keys)
    if server.sudo == "password":
        yield access.Password(user)
    yield Directory("/etc/sudoers.d", mode="0750")
    yield access.sudoers(user, server.sudo)
    yield Moduli()
    yield HostKey()
    yield IncludeFirst()
    yield Sshd(template("harden/sshd.conf.j2", app=app), user)
    if server.firewall:
        yield Firewall((80, 443, *server.open_ports), limit=template("harden/before.init.j2", app=app))
    yield Proved()
    if server.fail2ban:
        jail = File("/etc/fail2ban/jail.d/50-selvedge.local", template("harden/fail2ban.local.j2", app=app))
        yield jail
        yield Service("fail2ban", loads=(jail,), reload_command="fail2ban-client --test\nsystemctl restart fail2ban")
    yield Sysctl("/etc/sysctl.d/90-selvedge.conf", template("harden/sysctl.conf.j2", app=app))
    yield TimeSync()
