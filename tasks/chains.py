"""The chains: each is a list of steps."""
import selvedge as sv

from .balancer import balancer, balancer_http
from .certbot import certbot
from .clone import clone
from .gunicorn import gunicorn
from .harden import harden
from .image import image
from .install import install
from .metrics import metrics
from .nginx import nginx
from .postgres import postgres
from .redis import redis
from .supervisor import FORCE, supervisor
from .update import update
from .venv import venv

NO_REVERT = sv.Option("no_revert", "If one server fails, keep the new release on the others.")


def services(app):
    """Yield the steps of [services] and [metrics]. A deploy has them, too: the release's environment names these services."""
    wanted = {postgres: app.services.postgres or app.remote_database, redis: app.services.redis, metrics: app.metrics.enabled}
    yield from filter(wanted.get, wanted)


@sv.chain(options=(sv.REPORT,))
def setup(app):
    """Prepare a new server: run update, harden and install."""
    yield update
    yield harden
    yield install
    yield from services(app)


@sv.chain(options=(sv.COMMIT, sv.BRANCH, sv.IMAGE, FORCE, NO_REVERT, sv.REPORT))
def deploy(app):
    """Release the newest commit without dropping requests."""
    yield install
    yield from services(app)
    if app.backends:
        yield balancer
    if app.runs_here:
        yield clone
        yield image if sv.process_manager(app).contains else venv
        yield gunicorn
        yield supervisor
        yield from [*[balancer_http] * bool(app.balancer_site and app.domains), nginx, *[balancer] * bool(app.balancer_site)]
        yield certbot
