"""Example hosts, which together set every setting that reaches a server, and the scripts of their steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fabfile
from selvedge.config.target import Target
from selvedge.engine.plan import Plan
from selvedge.engine.script import read_script, step_script
from selvedge.release.alembic import PROGRAM
from selvedge.release.instance import LOADERS
from selvedge.resources.backups import backup_program
from selvedge.resources.base import Resource
from selvedge.resources.messages import messages_program
from selvedge.shell.library import library, names
from selvedge.shell.quoting import quote
from selvedge.task import Step
from tests.support.keys import KEY, rsa_key

LIBRARIES = {name: library(name) for name in sorted(names())}
MARK = "@selvedge"
CANARY = "c4nary-s3cret"
CHAINS = [fabfile.namespace["setup"], fabfile.namespace["deploy"]]

FULL: dict[str, Any] = {
    "repository": f"https://me:{CANARY}@git.example.com/me/hello.git",
    "root": "backend",
    "module": "hello.web:app",
    "domains": ["hello.example.com", "www.hello.example.com"],
    "workers": 3,
    "timeout": 45,
    "log_level": "debug",
    "log_format": "json",
    "access_log": True,
    "health": "/health?full=1",
    "health_status": ["200-299", 301],
    "health_host": "health.example.com",
    "migrate": "alembic upgrade head && echo 'done: $HOME'",
    "env_file": "production.env",
    "shared_paths": ["uploads", "data/blog.db"],
    "python": "3.12",
    "requirements": "requirements/production.txt",
    "tls": {"email": "me@example.com", "acme_server": "https://acme.example.com/directory", "hsts": 31536000},
    "nginx": {
        "static": {"/static": "static"},
        "media": {"/media": "uploads"},
        "max_body": "100m",
        "spa": "frontend/dist",
        "redirects": {"www.hello.example.com": "hello.example.com", "/old": "/new"},
        "trusted_proxies": ["10.0.0.0/8", "cloudflare"],
        "large_headers": True,
        "cache": "1s",
    },
    "server": {"open_ports": [8443], "ignore_ips": ["198.51.100.7"], "authorized_keys": ["me.pub"], "reboot_time": "03:30"},
    "timers": {"cleanup": {"command": "python -m hello.cleanup 'a b' && echo $HOME", "schedule": "30 3 1 * mon", "timeout": 600}},
    "backup": {"to": "/var/backups/apps", "schedule": "hourly", "rehearse": "weekly", "before_migrate": True, "exclude": ["*.tmp"]},
    "notify": {"from_servers": True},
    "passwords": {"SELVEDGE_BACKUP__PASSWORD": CANARY, "SELVEDGE_NOTIFY__URLS": f"json://hooks.example.com/{CANARY}"},
    "hooks": {
        "before_build": ["local: npm run build"],
        "after_build": ["python manage.py check && echo 'it''s built'"],
        "before_switch": ["./warm-up"],
        "after_switch": ["./tell released", "local: ./tell released"],
        "on_failure": ["./tell failed"],
    },
    "processes": {"worker": {"command": "celery -A blog worker -n 'w$PROCESS_NUMBER'", "count": 2, "stop_signal": "INT"}},
    "services": {"postgres": True, "redis": True, "database_scheme": "postgresql+asyncpg", "redis_scheme": "redis+socket"},
}
PLAIN: dict[str, Any] = {
    "repository": "ssh://git@git.example.com:2222/me/hello.git",
    "manager": "systemd",
    "installer": "pip",
    "release_header": False,
    "strategy": "restart",
    "memory_max": "512M",
    "tasks_max": 64,
    "server": {"authorized_keys": ["me.pub"], "sudo": "password", "allow_forwarding": True, "automatic_reboot": False},
    "nginx": {"gzip": False, "security_headers": False},
    "processes": {"beat": {"command": "python beat.py", "overlap": False}},
}
DOCKER: dict[str, Any] = {
    "manager": "docker",
    "root": "backend",
    "domains": ["hello.example.com"],
    "env_file": "production.env",
    "build_env_file": "build.env",
    "memory_max": "40%",
    "migrate": "alembic upgrade head",
    "server": {"authorized_keys": ["me.pub"]},
    "services": {"postgres": True, "redis": True},
    "box": {"write": ["/var/lib/uploads"], "execute": True},
    "hooks": {"before_build": ["make assets"], "before_switch": ["./warm-up"], "after_switch": ["./tell released"]},
    "processes": {"worker": {"command": "celery -A blog worker -n 'w$PROCESS_NUMBER'", "count": 2}},
    "timers": {"cleanup": {"command": "python -m hello.cleanup 'a b' && echo $HOME", "schedule": "daily", "timeout": 600}},
}
BALANCER: dict[str, Any] = {
    "domains": ["hello.example.com", "www.hello.example.com"],
    "tls": {"email": "me@example.com", "hsts": 31536000},
    "nginx": {"redirects": {"www.hello.example.com": "hello.example.com"}, "rate_limit": "10r/s", "csp": "default-src 'self'"},
    "server": {"authorized_keys": ["me.pub"]},
    "hosts": {"web-1": {"address": "10.0.0.2"}, "web-2": {"address": "web.example.com", "private_address": "fd00::3"}},
    "groups": {"web": ["web-1", "web-2"]},
    "balancer": {"hosts": ["server"], "backends": "web"},
}
HOSTS = {"full": FULL, "plain": PLAIN, "docker": DOCKER, "balancer": BALANCER}


def steps(app: Target) -> Iterator[Step]:
    """Yield the steps of both chains, each once."""
    yield from dict.fromkeys(part for chain in CHAINS for part in chain.parts(app))


# The facts of a bare server that are neither "absent" nor empty.
BARE = {
    "LoginAllowed": "allowusers root\ngroups sudo deploy\n",
    "FileValues": "#ENCRYPT_METHOD YESCRYPT\n#log_martians\n",
    "Firewall": "\n--- ssh\n22\n",
    "HostKey": f"{rsa_key(2048)}\n{KEY}\n",
    "IncludeFirst": "KbdInteractiveAuthentication no\n",
    "Jails": "\n--- unit\nId=fail2ban.service\nActiveState=active\n\n--- loaded\n\n--- file\nabsent\n",
    "ListenTls": "nginx version: nginx/1.22.1\nabsent\n",
    "OpenFilesLimit": "--\nabsent\n",
    "Password": "deploy L 2026-01-01 0 99999 7 -1\n",
    **dict.fromkeys(("PostgresInstalled", "PostgresSettings", "PostgresDatabase"), "memory 2013000\n\n--- file\n"),
    "RedisInstalled": "\n",
    "RedisUnit": "\n--\nabsent\n",
    "SizedFile": "2013000\nabsent\n",
    "Sysctl": "\n--- file\nabsent\n\n--- live\nkernel/kptr_restrict:0\n\n--- refused\n",
}


def bare(resource: Resource) -> str:
    """Return the fact of a resource on a bare server."""
    return BARE.get(type(resource).__name__, "absent\n" * resource.probe().count("probe_path "))


def planned(step: Step, app: Target) -> Plan:
    resources = list(step.resources(app))
    return Plan.of(resources, [bare(resource) for resource in resources])


def parts(app: Target) -> dict[str, list[str]]:
    """Return the scripts: the reading of each chain, and each section of each step's changes."""
    found = {}
    for chain in CHAINS:
        resources = [resource for part in chain.parts(app) for resource in part.resources(app)]
        found[f"{chain.name}.read"] = [read_script(resources, MARK)]
    for step in steps(app):
        sections = planned(step, app).sections()
        found[f"{step.name}.apply"] = [step_script(part, MARK, app.name) for part in sections]
    return found


def scripts(app: Target) -> dict[str, str]:
    """Return the same, each as one text."""
    return {what: "".join(sections) for what, sections in parts(app).items()}


def legible(script: str) -> str:
    """Return the script without the text of the libraries, and without the programs that ask alembic and find the app."""
    script = script.replace(quote(quote(PROGRAM))[1:-1], "# … the program revisions.py")
    for name, text in LOADERS.items():
        script = script.replace(text, f"# … {name}\n")
    for name, text in [*backup_program().items(), *messages_program().items()]:
        script = script.replace(text, f"# … {name}\n")
    for name, text in LIBRARIES.items():
        script = script.replace(text, f"# … the library {name}\n")
    return script
