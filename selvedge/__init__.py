"""Selvedge: a FastAPI app from a git repository to a Debian or Ubuntu server, as a Fabric task runner.

The names that a task uses, such as `selvedge.File`, are loaded when they are used for the first time (PEP 562): `fab --list`
loads none of the resources, and a run loads them while it logs in.
"""

import importlib
from typing import TYPE_CHECKING, Any

from selvedge.startup import keep_compiled_modules, open_closed_streams
from selvedge.version import VERSION

if TYPE_CHECKING:
    from selvedge.config.balancer import private_address as private_address
    from selvedge.config.dotenv import build_digest as build_digest
    from selvedge.config.metrics import METRICS_PORT as METRICS_PORT
    from selvedge.config.services import redis_socket as redis_socket
    from selvedge.config.shared_database import POSTGRES_PORT as POSTGRES_PORT
    from selvedge.config.types import LOCAL_PREFIX as LOCAL_PREFIX
    from selvedge.errors import UsageError as UsageError
    from selvedge.project.render import Template as Template
    from selvedge.project.render import template as template
    from selvedge.release.hooks import after_switch as after_switch
    from selvedge.release.hooks import build_hook as build_hook
    from selvedge.release.instance import Instance as Instance
    from selvedge.release.live import Live as Live
    from selvedge.release.managers import process_manager as process_manager
    from selvedge.release.metrics import collect_script as collect_script
    from selvedge.release.servers import app_server as app_server
    from selvedge.resources.access.clock import TimeSync as TimeSync
    from selvedge.resources.access.firewall import AddressesShutOut as AddressesShutOut
    from selvedge.resources.access.firewall import Firewall as Firewall
    from selvedge.resources.access.firewall import PortAllowed as PortAllowed
    from selvedge.resources.access.jails import Jails as Jails
    from selvedge.resources.access.kernel import Sysctl as Sysctl
    from selvedge.resources.access.logins import AuthorizedKeys as AuthorizedKeys
    from selvedge.resources.access.logins import LoginAllowed as LoginAllowed
    from selvedge.resources.access.logins import LoginUser as LoginUser
    from selvedge.resources.access.logins import login_keys as login_keys
    from selvedge.resources.access.sshd import HostKey as HostKey
    from selvedge.resources.access.sshd import IncludeFirst as IncludeFirst
    from selvedge.resources.access.sshd import Moduli as Moduli
    from selvedge.resources.access.sshd import Sshd as Sshd
    from selvedge.resources.access.sudo import Password as Password
    from selvedge.resources.access.sudo import Sudoers as Sudoers
    from selvedge.resources.access.undo import NoPendingUndo as NoPendingUndo
    from selvedge.resources.apt_mirror import AptMirror as AptMirror
    from selvedge.resources.backups import NoTimers as NoTimers
    from selvedge.resources.backups import backup_program as backup_program
    from selvedge.resources.backups import backup_secrets as backup_secrets
    from selvedge.resources.backups import backup_settings as backup_settings
    from selvedge.resources.code.access import DeployKey as DeployKey
    from selvedge.resources.code.access import GitHostKey as GitHostKey
    from selvedge.resources.code.app_image import app_image as app_image
    from selvedge.resources.code.build_env import build_variables as build_variables
    from selvedge.resources.code.carried import CarriedFiles as CarriedFiles
    from selvedge.resources.code.checkout import Checkout as Checkout
    from selvedge.resources.code.engine import DockerInstalled as DockerInstalled
    from selvedge.resources.code.engine import EngineSettings as EngineSettings
    from selvedge.resources.code.mirror import Mirror as Mirror
    from selvedge.resources.code.project import asked_python as asked_python
    from selvedge.resources.code.python import UV as UV
    from selvedge.resources.code.python import UV_REQUIREMENT as UV_REQUIREMENT
    from selvedge.resources.code.python import Python as Python
    from selvedge.resources.code.python import interpreter as interpreter
    from selvedge.resources.code.python import needs_uv as needs_uv
    from selvedge.resources.code.shared import SharedPaths as SharedPaths
    from selvedge.resources.code.sources import code_source as code_source
    from selvedge.resources.code.tools import Tool as Tool
    from selvedge.resources.code.venv import Venv as Venv
    from selvedge.resources.databases.clients import POSTGRES_CERTIFICATE as POSTGRES_CERTIFICATE
    from selvedge.resources.databases.clients import POSTGRES_KEY as POSTGRES_KEY
    from selvedge.resources.databases.clients import DatabaseCertificate as DatabaseCertificate
    from selvedge.resources.databases.clients import PostgresClients as PostgresClients
    from selvedge.resources.databases.postgres import PostgresDatabase as PostgresDatabase
    from selvedge.resources.databases.postgres import PostgresInstalled as PostgresInstalled
    from selvedge.resources.databases.postgres import PostgresSettings as PostgresSettings
    from selvedge.resources.databases.redis import REDIS_PROGRAM as REDIS_PROGRAM
    from selvedge.resources.databases.redis import REDIS_UNIT as REDIS_UNIT
    from selvedge.resources.databases.redis import RedisInstalled as RedisInstalled
    from selvedge.resources.databases.redis import RedisUnit as RedisUnit
    from selvedge.resources.databases.sized import SizedFile as SizedFile
    from selvedge.resources.files import Absent as Absent
    from selvedge.resources.files import Directory as Directory
    from selvedge.resources.files import File as File
    from selvedge.resources.files import FileValues as FileValues
    from selvedge.resources.files import Link as Link
    from selvedge.resources.files import SameLink as SameLink
    from selvedge.resources.messages import APPRISE as APPRISE
    from selvedge.resources.messages import APPRISE_REQUIREMENT as APPRISE_REQUIREMENT
    from selvedge.resources.messages import CERTBOT_DROP_INS as CERTBOT_DROP_INS
    from selvedge.resources.messages import MESSAGES as MESSAGES
    from selvedge.resources.messages import MessagesRemoved as MessagesRemoved
    from selvedge.resources.messages import messages_of_app as messages_of_app
    from selvedge.resources.messages import messages_program as messages_program
    from selvedge.resources.metrics import METRICS_LOG as METRICS_LOG
    from selvedge.resources.metrics import METRICS_SERVICES as METRICS_SERVICES
    from selvedge.resources.metrics import CollectScript as CollectScript
    from selvedge.resources.metrics import MetricsFree as MetricsFree
    from selvedge.resources.metrics import MetricsInstalled as MetricsInstalled
    from selvedge.resources.metrics import MetricsRole as MetricsRole
    from selvedge.resources.metrics import MetricsTargets as MetricsTargets
    from selvedge.resources.metrics import alert_limits as alert_limits
    from selvedge.resources.metrics import alerts_program as alerts_program
    from selvedge.resources.metrics import app_has_metrics as app_has_metrics
    from selvedge.resources.metrics import metrics_port as metrics_port
    from selvedge.resources.metrics import metrics_programs as metrics_programs
    from selvedge.resources.metrics import metrics_targets as metrics_targets
    from selvedge.resources.metrics_off import ExporterRemoved as ExporterRemoved
    from selvedge.resources.metrics_off import FormerMonitorsShutOut as FormerMonitorsShutOut
    from selvedge.resources.metrics_off import OwnPrometheusOff as OwnPrometheusOff
    from selvedge.resources.metrics_off import PrivateSocketRemoved as PrivateSocketRemoved
    from selvedge.resources.need import Needs as Needs
    from selvedge.resources.nginx.basic_auth import BasicAuth as BasicAuth
    from selvedge.resources.nginx.cache import CacheFolder as CacheFolder
    from selvedge.resources.nginx.certbot import PROGRAMS as PROGRAMS
    from selvedge.resources.nginx.certbot import certbot_client as certbot_client
    from selvedge.resources.nginx.drained import Drained as Drained
    from selvedge.resources.nginx.drained import DrainRules as DrainRules
    from selvedge.resources.nginx.drained import NoBackend as NoBackend
    from selvedge.resources.nginx.folders import MediaFolder as MediaFolder
    from selvedge.resources.nginx.folders import static_folders as static_folders
    from selvedge.resources.nginx.https import HttpsRemoved as HttpsRemoved
    from selvedge.resources.nginx.https import ListenTls as ListenTls
    from selvedge.resources.nginx.https import NginxHttps as NginxHttps
    from selvedge.resources.nginx.include import included_lines as included_lines
    from selvedge.resources.nginx.location_file import LocationFile as LocationFile
    from selvedge.resources.nginx.maintenance import MaintenanceNoted as MaintenanceNoted
    from selvedge.resources.nginx.maintenance import maintenance_page as maintenance_page
    from selvedge.resources.nginx.maintenance import maintenance_paths as maintenance_paths
    from selvedge.resources.nginx.names import FormerNamesDropped as FormerNamesDropped
    from selvedge.resources.nginx.names import NewNames as NewNames
    from selvedge.resources.nginx.names import Site as Site
    from selvedge.resources.nginx.own_certificate import OwnCertificate as OwnCertificate
    from selvedge.resources.nginx.paths import FormerLocationsRemoved as FormerLocationsRemoved
    from selvedge.resources.nginx.paths import LeftCertificates as LeftCertificates
    from selvedge.resources.nginx.paths import PathsFree as PathsFree
    from selvedge.resources.nginx.paths import certbot_certificate as certbot_certificate
    from selvedge.resources.nginx.paths import locations as locations
    from selvedge.resources.nginx.paths import tls_site as tls_site
    from selvedge.resources.nginx.server import Nginx as Nginx
    from selvedge.resources.nginx.server import NginxConf as NginxConf
    from selvedge.resources.nginx.server import NginxGroup as NginxGroup
    from selvedge.resources.nginx.server import NginxLogs as NginxLogs
    from selvedge.resources.nginx.server import NginxRestrictions as NginxRestrictions
    from selvedge.resources.nginx.server import OpenFilesLimit as OpenFilesLimit
    from selvedge.resources.nginx.server import SitesEnabled as SitesEnabled
    from selvedge.resources.nginx.sites import DebianDefaultSiteDisabled as DebianDefaultSiteDisabled
    from selvedge.resources.nginx.sites import DefaultServer as DefaultServer
    from selvedge.resources.nginx.sites import FormerDefaults as FormerDefaults
    from selvedge.resources.nginx.sites import PortProtocol as PortProtocol
    from selvedge.resources.nginx.sites import ServerNamesFree as ServerNamesFree
    from selvedge.resources.nginx.sites import listen_tls_path as listen_tls_path
    from selvedge.resources.nginx.sites import site_check as site_check
    from selvedge.resources.nginx.version import nginx_template as nginx_template
    from selvedge.resources.packages import NginxModules as NginxModules
    from selvedge.resources.packages import OwnPackages as OwnPackages
    from selvedge.resources.packages import Packages as Packages
    from selvedge.resources.packages import Upgraded as Upgraded
    from selvedge.resources.ports import Port as Port
    from selvedge.resources.restores import NotHalfRestored as NotHalfRestored
    from selvedge.resources.services import Enabled as Enabled
    from selvedge.resources.services import Service as Service
    from selvedge.resources.timers import FormerTimersRemoved as FormerTimersRemoved
    from selvedge.resources.timers import timer_service as timer_service
    from selvedge.resources.users import User as User
    from selvedge.task import BRANCH as BRANCH
    from selvedge.task import COMMIT as COMMIT
    from selvedge.task import DRY_RUN as DRY_RUN
    from selvedge.task import IMAGE as IMAGE
    from selvedge.task import REPORT as REPORT
    from selvedge.task import SCRIPT as SCRIPT
    from selvedge.task import WAIT as WAIT
    from selvedge.task import Option as Option
    from selvedge.task import Step as Step
    from selvedge.task import chain as chain
    from selvedge.task import operation as operation
    from selvedge.task import step as step

keep_compiled_modules()
open_closed_streams()

__version__ = VERSION

_NAMES = {
    "config.dotenv": "build_digest",
    "config.balancer": "private_address",
    "config.metrics": "METRICS_PORT",
    "config.services": "redis_socket",
    "config.shared_database": "POSTGRES_PORT",
    "config.types": "LOCAL_PREFIX",
    "errors": "UsageError",
    "release.hooks": "after_switch build_hook",
    "release.instance": "Instance",
    "release.live": "Live",
    "release.managers": "process_manager",
    "release.metrics": "collect_script",
    "release.servers": "app_server",
    "resources.access.clock": "TimeSync",
    "resources.access.firewall": "AddressesShutOut Firewall PortAllowed",
    "resources.access.jails": "Jails",
    "resources.access.kernel": "Sysctl",
    "resources.access.logins": "AuthorizedKeys LoginAllowed LoginUser login_keys",
    "resources.access.sshd": "HostKey IncludeFirst Moduli Sshd",
    "resources.access.sudo": "Password Sudoers",
    "resources.access.undo": "NoPendingUndo",
    "resources.apt_mirror": "AptMirror",
    "resources.backups": "NoTimers backup_program backup_secrets backup_settings",
    "resources.code.access": "DeployKey GitHostKey",
    "resources.code.app_image": "app_image",
    "resources.code.build_env": "build_variables",
    "resources.code.carried": "CarriedFiles",
    "resources.code.checkout": "Checkout",
    "resources.code.engine": "DockerInstalled EngineSettings",
    "resources.code.mirror": "Mirror",
    "resources.code.project": "asked_python",
    "resources.code.python": "UV UV_REQUIREMENT Python interpreter needs_uv",
    "resources.code.shared": "SharedPaths",
    "resources.code.sources": "code_source",
    "resources.code.tools": "Tool",
    "resources.code.venv": "Venv",
    "resources.databases.clients": "POSTGRES_CERTIFICATE POSTGRES_KEY DatabaseCertificate PostgresClients",
    "resources.databases.postgres": "PostgresDatabase PostgresInstalled PostgresSettings",
    "resources.databases.redis": "REDIS_PROGRAM REDIS_UNIT RedisInstalled RedisUnit",
    "resources.databases.sized": "SizedFile",
    "resources.files": "Absent Directory File FileValues Link SameLink",
    "resources.messages": (
        "APPRISE APPRISE_REQUIREMENT CERTBOT_DROP_INS MESSAGES MessagesRemoved messages_of_app messages_program"
    ),
    "resources.metrics": (
        "METRICS_LOG METRICS_SERVICES CollectScript MetricsFree MetricsInstalled MetricsRole MetricsTargets alert_limits "
        "alerts_program app_has_metrics metrics_port metrics_programs metrics_targets"
    ),
    "resources.metrics_off": (
        "ExporterRemoved FormerMonitorsShutOut OwnPrometheusOff PrivateSocketRemoved"
    ),
    "resources.need": "Needs",
    "resources.nginx.certbot": "PROGRAMS certbot_client",
    "resources.nginx.basic_auth": "BasicAuth",
    "resources.nginx.cache": "CacheFolder",
    "resources.nginx.drained": "Drained DrainRules NoBackend",
    "resources.nginx.include": "included_lines",
    "resources.nginx.location_file": "LocationFile",
    "resources.nginx.maintenance": "MaintenanceNoted maintenance_page maintenance_paths",
    "resources.nginx.names": "FormerNamesDropped NewNames Site",
    "resources.nginx.folders": "MediaFolder static_folders",
    "resources.nginx.https": "HttpsRemoved ListenTls NginxHttps",
    "resources.nginx.own_certificate": "OwnCertificate",
    "resources.nginx.paths": "FormerLocationsRemoved LeftCertificates PathsFree certbot_certificate locations tls_site",
    "resources.nginx.server": "Nginx NginxConf NginxGroup NginxLogs NginxRestrictions OpenFilesLimit SitesEnabled",
    "resources.nginx.sites": (
        "DebianDefaultSiteDisabled DefaultServer FormerDefaults PortProtocol ServerNamesFree listen_tls_path site_check"
    ),
    "resources.nginx.version": "nginx_template",
    "resources.packages": "NginxModules OwnPackages Packages Upgraded",
    "resources.ports": "Port",
    "resources.restores": "NotHalfRestored",
    "resources.services": "Enabled Service",
    "resources.timers": "FormerTimersRemoved timer_service",
    "resources.users": "User",
    "task": "BRANCH COMMIT DRY_RUN IMAGE REPORT SCRIPT WAIT Option Step chain operation step",
    "project.render": "Template template",
}
_HOMES = {name: f"selvedge.{module}" for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Load a public name. Raises AttributeError for a name that the package does not have."""
    if name not in _HOMES:
        raise AttributeError(f"module 'selvedge' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
