"""Addresses that keep knocking are shut out for a while, by fail2ban."""

import selvedge as sv

JAILS = "/etc/fail2ban/jail.d"


def bans(app):
    """Those that fail to log in by ssh."""
    jail = sv.File(f"{JAILS}/50-selvedge.local", sv.template("harden/fail2ban.local.j2", app=app))
    yield jail
    yield sv.Service("fail2ban", loads=(jail,), reload_command="fail2ban-client --test\nsystemctl restart fail2ban")


def site_bans(app):
    """Those that guess passwords of the site, or ask it for what only other programs have."""
    # Behind a load balancer, all clients have its address.
    if app.server.fail2ban and not app.tls.upstream:
        yield sv.Jails(f"{JAILS}/60-selvedge-{app.name}.local", sv.template("nginx/fail2ban.local.j2", app=app))
    else:
        yield from no_site_bans(app)


def no_site_bans(app):
    """Nobody is shut out because of this site."""
    yield sv.Jails(f"{JAILS}/60-selvedge-{app.name}.local", "")
