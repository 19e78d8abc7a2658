"""The load balancer in front of several web servers ([balancer])."""

import selvedge as sv
from selvedge.release import preconditions

from .certbot import https_site
from .nginx import http_site


@sv.step(phase="switch", precondition=preconditions.balancer)
def balancer(app):
    """Balance the requests over the web servers."""
    site = app.balancer_site
    yield from http_site(site)
    yield from https_site(site)
