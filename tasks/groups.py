"""The tasks of `fab`, in the groups and in the order of `fab --list`."""

from invoke import Collection

from selvedge import tasklist

from . import export, image, sandbox
from .backup import backup, backups, restore
from .balancer import balancer
from .certbot import certbot
from .chains import deploy, setup
from .clone import clone
from .dev import dev
from .gunicorn import gunicorn
from .harden import harden
from .install import install
from .metrics import metrics
from .nginx import nginx
from .operations import (
    config,
    console,
    dashboard,
    doctor,
    drain,
    env,
    history,
    logs,
    maintenance,
    notify,
    psql,
    releases,
    run_command,
    ssh,
    start,
    status,
    stop,
    timers,
    traffic,
    trust,
    tunnel,
    undrain,
)  # fmt: skip
from .postgres import postgres
from .redis import redis
from .remove import remove
from .rollback import restart, rollback
from .supervisor import supervisor
from .update import update
from .venv import venv
from .version import version

GROUPS = {
    "The tutorial's steps, in order": [update, harden, install, clone, venv, gunicorn, supervisor, nginx, certbot],
    "In place of venv, with Docker": [image.image, image.build, image.push],
    "Steps of [services] and [metrics]": [postgres, redis, metrics],
    "Several web servers": [balancer, drain, undrain],
    "Chains of steps": [setup, deploy],
    "Every day": [
        *(status, logs, dashboard, traffic, doctor, releases, rollback, history, restart, stop, start, maintenance, timers),
        *(notify, backup, backups, restore),
        *(env, config, run_command, console, ssh, psql, tunnel, trust, dev, remove, version),
    ],
}

COLLECTIONS = {"Files for other platforms": export, "The sandbox": sandbox}

tasklist.install({
    **{heading: [task.name for task in group] for heading, group in GROUPS.items()},
    **{heading: [module.__name__.rpartition(".")[2]] for heading, module in COLLECTIONS.items()},
})
# `fab image` is the step, and the others are `fab image.build` and `fab image.push`.
images = Collection("image", image.build, image.push)
images.add_task(image.image, default=True)
namespace = Collection(
    *(task for group in GROUPS.values() for task in group if task.name not in images.task_names),
    images,
    *(Collection.from_module(module) for module in COLLECTIONS.values()),
)
