"""Addresses that keep knocking are shut out for a while, by fail2ban."""

JAILS = "/etc/fail2ban/jail.d"


def bans(app):
    """Those that fail to log in by ssh."""
    from selvedge.resources.files import File
    from selvedge.resources.system import Service
    from selvedge.templates import template

    jail = File(f"{JAILS}/50-selvedge.local", template("harden/fail2ban.local.j2", app=app))
    yield jail
    yield Service("fail2ban", loads=(jail,), reload_command="fail2ban-client --test\nsystemctl restart fail2ban")


def site_bans(app):
    """Those that guess passwords of the site, or ask it for what only other programs have."""
    from selvedge.resources.jails import Jails
    from selvedge.templates import template

    # Behind a load balancer, all clients have its address.
    if app.server.fail2ban and not app.tls.upstream:
        yield Jails(f"{JAILS}/60-selvedge-{app.name}.local", template("nginx/fail2ban.local.j2", app=app))
    else:
        yield from no_site_bans(app)


def no_site_bans(app):
    """Nobody is shut out because of this site."""
    from selvedge.resources.jails import Jails

    yield Jails(f"{JAILS}/60-selvedge-{app.name}.local", "")
