"""The tasks of `fab`, in the groups and in the order of `fab --list`."""

from invoke import Collection

from selvedge import tasklist
from tasks import sandbox
from tasks.certbot import certbot
from tasks.chains import deploy, setup
from tasks.clone import clone
from tasks.gunicorn import gunicorn
from tasks.harden import harden
from tasks.install import install
from tasks.nginx import nginx
from tasks.operations import doctor, history, logs, releases, run_command, ssh, start, status, stop, trust
from tasks.remove import remove
from tasks.rollback import restart, rollback
from tasks.supervisor import supervisor
from tasks.update import update
from tasks.venv import venv

GROUPS = {
    "The tutorial's steps, in order": [update, harden, install, clone, venv, gunicorn, supervisor, nginx, certbot],
    "Chains of steps": [setup, deploy],
    "Every day": [status, logs, doctor, releases, rollback, history, restart, stop, start, run_command, ssh, trust, remove],
}

tasklist.install({**{heading: [task.name for task in group] for heading, group in GROUPS.items()}, "The sandbox": ["sandbox"]})
# Add your own tasks here; `fab --list` shows them under "Your own tasks".
namespace = Collection(*(task for group in GROUPS.values() for task in group), sandbox=Collection.from_module(sandbox))
