"""fail2ban, which bans addresses for 10 minutes after repeated failures."""

import selvedge as sv

JAILS = "/etc/fail2ban/jail.d"


def bans(app):
    """Ban addresses that repeatedly fail to log in over SSH."""
    jail = sv.File(f"{JAILS}/50-selvedge.local", sv.template("harden/fail2ban.local.j2", app=app))
    yield jail
    yield sv.Service("fail2ban", loads=(jail,), reload_command="bans_test\nservice_run restart fail2ban")


def site_bans(app):
    """Ban addresses that guess passwords of the site, or probe it for pages of other software."""
    # Behind a load balancer, all clients have its address.
    if app.machine.fail2ban and not app.tls.upstream:
        yield sv.Jails(f"{JAILS}/60-selvedge-{app.name}.local", sv.template("nginx/fail2ban.local.j2", app=app))
    else:
        yield from no_site_bans(app)


def no_site_bans(app):
    """Remove the site's bans."""
    yield sv.Jails(f"{JAILS}/60-selvedge-{app.name}.local", "")
