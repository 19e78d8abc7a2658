"""The load balancer in front of several web servers ([balancer])."""

import selvedge as sv
from selvedge.release import preconditions

from .certbot import certbot
from .nginx import nginx
from .parts.messages import messages


@sv.step(phase="switch", name="balancer-http")
def balancer_http(app):
    """Make the balancer's site over HTTP before nginx moves the app to its port, on a server that has both.

    Until then, nginx prefers the app's site, which has the same names, because its file comes first. The balancer takes over HTTPS
    afterwards, before certbot removes the app's.
    """
    yield from nginx.resources(app.balancer_site)


@sv.step(phase="switch", precondition=preconditions.balancer)
def balancer(app):
    """Balance the requests over the web servers."""
    site = app.balancer_site
    # The balancer's site is made as that of an app, with other settings.
    yield from nginx.resources(site)
    yield from certbot.resources(site)
    yield from messages(site)
