"""Redis on the app's server, one for each app ([services] redis)."""

import selvedge as sv
from selvedge.release import preconditions

from .parts.app_user import app_user


@sv.step(precondition=preconditions.redis)
def redis(app):
    """Install Redis or Valkey; give the app its own instance."""
    if not app.services.redis:
        return
    yield sv.RedisInstalled()
    yield from app_user(app)
    unit = sv.RedisUnit(sv.REDIS_UNIT, sv.template("redis/unit.service.j2", program=sv.REDIS_PROGRAM))
    text = sv.template("redis/redis.conf.j2", app=app, socket=sv.redis_socket(app.name))
    settings = sv.SizedFile(app.paths.redis_conf, text)
    yield unit
    yield settings
    # Its clients connect again. The log of its writes is complete when it has stopped.
    restart = f"systemctl daemon-reload && service_run restart selvedge-redis@{app.name}"
    yield sv.Service(f"selvedge-redis@{app.name}", loads=(unit, settings), reload_command=restart)
