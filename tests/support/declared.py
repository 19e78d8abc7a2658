"""The settings of example apps by name, and the resources that the steps declare for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fabfile
from selvedge.config.target import Target
from selvedge.resources.base import Resource
from selvedge.resources.files import File
from selvedge.task import Step
from tests.support.fixtures import COMMIT, targets
from tests.support.keys import KEY

OWN_KEY = {"server": {"authorized_keys": ["me.pub"]}}
NAMED = {"domains": ["a.test", "www.a.test"], **OWN_KEY}

BACKEND = {
    "hosts": {"lb": {"address": "10.0.0.1"}, "web-2": {"address": "10.0.0.3"}},
    "groups": {"web": ["server", "web-2"]},
    "balancer": {"hosts": ["lb"], "backends": "web"},
}

# Each changes other resources.
SETTINGS: dict[str, dict[str, Any]] = {
    "nothing set": OWN_KEY,
    "domains": NAMED,
    "everything": {
        **NAMED,
        "repository": "https://me:t0ken@git.example.com/me/hello.git",
        "root": "backend",
        "shared_paths": ["uploads", "data/blog.db"],
        "python": "3.12",
        "env_file": "production.env",
        "build_env_file": "build.env",
        "extras": ["server"],
        "dependency_groups": ["prod"],
        "migrate": "true",
        "server": {"packages": ["libgl1"], **OWN_KEY["server"]},
        "nginx": {"static": {"/static": "static"}, "media": {"/media": "uploads"}},
        "timers": {"cleanup": {"command": "true", "schedule": "daily"}},
        "hooks": {name: ["true", "local: true"] for name in ("before_build", "after_build", "before_switch", "after_switch")},
        "processes": {"worker": {"command": "true"}},
    },
    "over ssh, by pip": {**OWN_KEY, "repository": "ssh://git@git.example.com:2222/hello.git", "installer": "pip"},
    "no header, own worker": {**NAMED, "release_header": False, "worker_class": "my.Worker"},
    "systemd": {**NAMED, "manager": "systemd", "python": "3.12", "processes": {"worker": {"command": "true"}}},
    "docker": {
        **NAMED, "manager": "docker", "processes": {"worker": {"command": "true"}}, "services": {"postgres": True, "redis": True},
        "timers": {"cleanup": {"command": "true", "schedule": "daily"}}, "build_env_file": "build.env",
        "env_file": "production.env",
    },
    "uvicorn": {**NAMED, "app_server": "uvicorn", "log_format": "json", "access_log": True},
    "hypercorn, systemd": {**NAMED, "app_server": "hypercorn", "manager": "systemd", "release_header": False},
    "TLS ends elsewhere": {**NAMED, "tls": {"upstream": True}},
    "a backend": {
        **NAMED, **BACKEND, "rollout": {"drain": True}, "nginx": {"spa": "web", "basic_auth": ["me"], "rate_limit": "10r/s"},
    },
    "a backend that balances": {**NAMED, **BACKEND, "balancer": {"hosts": ["server", "lb"], "backends": "web", "port": 8080}},
    "a path": {**NAMED, "nginx": {"path": "/api", "static": {"/static": "static"}, "redirects": {"/old": "/new"}, "gzip": False}},
    "a path by address": {**OWN_KEY, "health": "/a/b/x", "nginx": {"path": "/a/b", "strip_path": False, "cache": "1s"}},
    "metrics": {
        **NAMED, "metrics": {"enabled": True}, "services": {"postgres": True, "redis": True},
        "timers": {"cleanup": {"command": "true", "schedule": "daily"}},
    },
    "metrics for another server": {
        **NAMED, "hosts": {"monitor": {"address": "10.0.0.1"}}, "metrics": {"enabled": True, "server": "monitor", "path": ""},
        "nginx": {"path": "/api", "http_port": 8080}, "tls": {"upstream": True},
    },
    "headers and limits": {
        **NAMED,
        "nginx": {
            "csp": "default-src 'self'; img-src 'self' data:", "headers": {"X-Own": 'a "quoted" \\ value', "X-Powered-By": ""},
            "rate_limit": "10r/s", "cache": "5m", "brotli": True, "spa": "web", "static": {"/static": "static"},
        },
    },
    "certbot by pip": {**NAMED, "tls": {"certbot": "pip", "staging": True, "email": "me@a.test"}},
    "over DNS, other ports": {
        "domains": ["a.test", "*.a.test", "www.a.test"],
        "tls": {"challenge": "dns", "dns_plugin": "rfc2136", "dns_credentials": "dns.ini", "dns_propagation": 5},
        "nginx": {"http_port": 8080, "https_port": 8443, "redirects": {"www.a.test": "a.test", "/old": "/new"}},
        **OWN_KEY,
    },
    "a path over DNS": {
        "domains": ["a.test", "*.a.test"],
        "tls": {"challenge": "dns", "dns_plugin": "route53"},
        "nginx": {"path": "/api"},
        **OWN_KEY,
    },
    "services": {**NAMED, "services": {"postgres": True, "redis": True}},
    "services, systemd": {**OWN_KEY, "manager": "systemd", "services": {"postgres": True, "redis": True}},
    "backups over SFTP": {
        **OWN_KEY,
        "backup": {"to": "sftp:me@203.0.113.20:/srv/b", "key": "backup_key", "rehearse": "weekly", "keep": {"last": 3}},
        "passwords": {"SELVEDGE_BACKUP__PASSWORD": "c4nary-password"},
    },
    "backups to S3": {
        **NAMED,
        "backup": {"to": "s3:https://s3.example.com/b", "region": "eu-central-1", "schedule": "", "files": ["uploads"],
                   "exclude": ["uploads/cache"], "before_migrate": True},
        "passwords": {f"SELVEDGE_BACKUP__{name}": "c4nary" for name in ("PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY")},
    },
    "messages": {
        **NAMED, "notify": {"from_servers": True}, "backup": {"to": "/var/backups/apps", "rehearse": "weekly"},
        "timers": {"cleanup": {"command": "true", "schedule": "daily"}},
        "passwords": {"SELVEDGE_BACKUP__PASSWORD": "c4nary-password", "SELVEDGE_NOTIFY__URLS": "json://a.test/c4nary"},
    },
    "an open server": {"server": {"firewall": False, "fail2ban": False, "unattended_upgrades": False, **OWN_KEY["server"]}},
}
CHAIN = ["setup", "deploy"]


def apps(folder: Path) -> Callable[..., Target]:
    """Return a function that makes the settings of this name in SETTINGS, with their files in this folder."""
    (folder / "me.pub").write_text(KEY + "\n")
    (folder / "production.env").write_text("TOKEN=c4nary\n")
    (folder / "backup_key").write_text("c4nary\n")
    (folder / "dns.ini").write_text("dns_rfc2136_secret = c4nary\n")
    (folder / "build.env").write_text("UV_INDEX_OWN_PASSWORD=c4nary\n")
    target = targets(folder)
    return lambda name, commit=COMMIT, **more: target(commit, **{**SETTINGS[name], **more})


def parts(app: Target) -> list[Step]:
    """Return the steps of setup and deploy, each once, in their order."""
    return list(dict.fromkeys(part for name in CHAIN for part in fabfile.namespace[name].parts(app)))


def every(app: Target) -> Iterator[tuple[str, Resource]]:
    """Yield all resources of setup and deploy, each with the name of its step."""
    for part in parts(app):
        for resource in part.resources(app):
            yield str(part.name), resource


def of(name: str, app: Target, kind: type[Any] = Resource) -> list[Any]:
    """Return the resources of a step that are of this kind."""
    return [resource for resource in fabfile.namespace[name].resources(app) if isinstance(resource, kind)]


def file(name: str, app: Target, path: str) -> File:
    """Return the file that a step declares at a path."""
    (found,) = (each for each in of(name, app, File) if each.path == path)
    return found
