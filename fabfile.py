"""The tasks of `fab`, in the order of `fab --list`."""

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

TUTORIAL = [update, harden, install, clone, venv, gunicorn, supervisor, nginx, certbot]
CHAINS = [setup, deploy, rollback, restart]
OPERATIONS = [trust, releases, history, status, logs, doctor, stop, start, ssh, run_command, remove]

tasklist.install([*TUTORIAL, *CHAINS, *OPERATIONS])
namespace = Collection(*TUTORIAL, *CHAINS, *OPERATIONS, sandbox=Collection.from_module(sandbox))
