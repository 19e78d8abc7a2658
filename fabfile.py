"""What `fab --list` shows."""

from invoke import Collection

from tasks import sandbox
from tasks.certbot import certbot
from tasks.chains import deploy, setup
from tasks.clone import clone
from tasks.gunicorn import gunicorn
from tasks.harden import harden
from tasks.install import install
from tasks.nginx import nginx
from tasks.operations import history, logs, releases, status, trust
from tasks.rollback import restart, rollback
from tasks.supervisor import supervisor
from tasks.update import update
from tasks.venv import venv

namespace = Collection(
    update,
    harden,
    install,
    clone,
    venv,
    gunicorn,
    supervisor,
    nginx,
    certbot,
    setup,
    deploy,
    rollback,
    restart,
    trust,
    releases,
    history,
    status,
    logs,
    sandbox=Collection.from_module(sandbox),
)
