"""Selvedge: a FastAPI app from a git repository to a Debian or Ubuntu server, as a Fabric task runner.

The names that a task uses, such as `selvedge.File`, are loaded when they are used for the first time (PEP 562): `fab --list`
loads none of the resources, and a run loads them while it logs in.
"""

import atexit
import gc
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selvedge.errors import UsageError as UsageError
    from selvedge.release.instance import Instance as Instance
    from selvedge.release.live import Live as Live
    from selvedge.release.managers import process_manager as process_manager
    from selvedge.release.servers import app_server as app_server
    from selvedge.resources.access import Admitted as Admitted
    from selvedge.resources.access import AuthorizedKeys as AuthorizedKeys
    from selvedge.resources.access import LoginUser as LoginUser
    from selvedge.resources.access import Password as Password
    from selvedge.resources.access import Sudoers as Sudoers
    from selvedge.resources.access import login_keys as login_keys
    from selvedge.resources.certbot import client as client
    from selvedge.resources.certificate import Certificate as Certificate
    from selvedge.resources.certificate import Https as Https
    from selvedge.resources.certificate import Listen as Listen
    from selvedge.resources.certificate import OwnCertificate as OwnCertificate
    from selvedge.resources.certificate import PlainHttp as PlainHttp
    from selvedge.resources.files import Absent as Absent
    from selvedge.resources.files import Directory as Directory
    from selvedge.resources.files import Entries as Entries
    from selvedge.resources.files import File as File
    from selvedge.resources.files import Link as Link
    from selvedge.resources.firewall import Firewall as Firewall
    from selvedge.resources.git import Checkout as Checkout
    from selvedge.resources.git import DeployKey as DeployKey
    from selvedge.resources.git import Fetched as Fetched
    from selvedge.resources.git import GitHostKey as GitHostKey
    from selvedge.resources.git import Mirror as Mirror
    from selvedge.resources.git import Pushed as Pushed
    from selvedge.resources.hook import Hook as Hook
    from selvedge.resources.jails import Jails as Jails
    from selvedge.resources.kernel import Sysctl as Sysctl
    from selvedge.resources.kernel import TimeSync as TimeSync
    from selvedge.resources.need import Needs as Needs
    from selvedge.resources.nginx import Box as Box
    from selvedge.resources.nginx import Logs as Logs
    from selvedge.resources.nginx import MainFile as MainFile
    from selvedge.resources.nginx import Nginx as Nginx
    from selvedge.resources.nginx import OpenFiles as OpenFiles
    from selvedge.resources.ports import Port as Port
    from selvedge.resources.python import UV as UV
    from selvedge.resources.python import UV_REQUIREMENT as UV_REQUIREMENT
    from selvedge.resources.python import Python as Python
    from selvedge.resources.python import Tool as Tool
    from selvedge.resources.python import interpreter as interpreter
    from selvedge.resources.python import needs_uv as needs_uv
    from selvedge.resources.site import LISTEN_TLS as LISTEN_TLS
    from selvedge.resources.site import Default as Default
    from selvedge.resources.site import Media as Media
    from selvedge.resources.site import Names as Names
    from selvedge.resources.site import NotDebians as NotDebians
    from selvedge.resources.site import static as static
    from selvedge.resources.sshd import HostKey as HostKey
    from selvedge.resources.sshd import IncludeFirst as IncludeFirst
    from selvedge.resources.sshd import Moduli as Moduli
    from selvedge.resources.sshd import Proved as Proved
    from selvedge.resources.sshd import Sshd as Sshd
    from selvedge.resources.system import Packages as Packages
    from selvedge.resources.system import Service as Service
    from selvedge.resources.system import User as User
    from selvedge.resources.upgrades import Enabled as Enabled
    from selvedge.resources.upgrades import Upgraded as Upgraded
    from selvedge.resources.venv import Venv as Venv
    from selvedge.task import BRANCH as BRANCH
    from selvedge.task import COMMIT as COMMIT
    from selvedge.task import DRY_RUN as DRY_RUN
    from selvedge.task import SCRIPT as SCRIPT
    from selvedge.task import WAIT as WAIT
    from selvedge.task import Option as Option
    from selvedge.task import Step as Step
    from selvedge.task import chain as chain
    from selvedge.task import operation as operation
    from selvedge.task import step as step
    from selvedge.templates import template as template

# Invoke switches the writing of compiled modules off (its --write-pyc), for tasks that are a single file. Here each run would
# compile a hundred modules, a tenth of a run with nothing to change. Python's own -B and PYTHONDONTWRITEBYTECODE still hold.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

# A run makes few cycles of objects. Searching for them while modules load, and once more at exit among all objects of the
# libraries, costs a sixth of a run with nothing to change (`python -m bench nochange`).
gc.set_threshold(50_000)
atexit.register(gc.freeze)

__version__ = "0.1.0"

_NAMES = {
    "errors": "UsageError",
    "release.instance": "Instance",
    "release.live": "Live",
    "release.managers": "process_manager",
    "release.servers": "app_server",
    "resources.access": "Admitted AuthorizedKeys LoginUser Password Sudoers login_keys",
    "resources.certbot": "client",
    "resources.certificate": "Certificate Https Listen OwnCertificate PlainHttp",
    "resources.files": "Absent Directory Entries File Link",
    "resources.firewall": "Firewall",
    "resources.git": "Checkout DeployKey Fetched GitHostKey Mirror Pushed",
    "resources.hook": "Hook",
    "resources.jails": "Jails",
    "resources.kernel": "Sysctl TimeSync",
    "resources.need": "Needs",
    "resources.nginx": "Box Logs MainFile Nginx OpenFiles",
    "resources.ports": "Port",
    "resources.python": "UV UV_REQUIREMENT Python Tool interpreter needs_uv",
    "resources.site": "LISTEN_TLS Default Media Names NotDebians static",
    "resources.sshd": "HostKey IncludeFirst Moduli Proved Sshd",
    "resources.system": "Packages Service User",
    "resources.upgrades": "Enabled Upgraded",
    "resources.venv": "Venv",
    "task": "BRANCH COMMIT DRY_RUN SCRIPT WAIT Option Step chain operation step",
    "templates": "template",
}
_HOMES = {name: f"selvedge.{module}" for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Load a public name. Raises AttributeError for a name that the package does not have."""
    if name not in _HOMES:
        raise AttributeError(f"module 'selvedge' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
