"""Generate the reference page of hosts.toml: `python -m selvedge.config.reference > docs/reference/hosts-toml.md`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.schema import describe_type, entry_model, section_model, to_toml
from selvedge.config.settings import Settings

INTRODUCTION = """\
# hosts.toml

This page lists every setting of hosts.toml: what it does, its default, and an example. hosts.toml describes your app and
your servers in [TOML](https://toml.io).

```toml
[app]
name = "blog"
repository = "."
domains = ["blog.example.com"]

[tls]
email = "me@example.com"

[hosts.server]
address = "203.0.113.10"
```

- Only `name` and `repository` of `[app]` are required.
- Selvedge reads hosts.toml in the current folder or in the nearest folder above it. `SELVEDGE_HOSTS_FILE=other.toml` names
  another file.
- Selvedge checks the whole file before it contacts a server. For each mistake it prints the file, the key, the problem and
  the correction. An unknown key is a mistake.
- [Environment variables](#environment-variables-and-env) override the file, and [a host's own tables](#settings-of-one-host)
  override the general ones.
- Relative paths on your machine start at the folder of hosts.toml. `~` is your home folder.

The program generates this page; `python -m selvedge.config.reference` prints it.
"""

ENVIRONMENT = """\
## Environment variables and `.env`

An environment variable can override every setting. Its name is `SELVEDGE_`, the table, two underscores and the key. You can
also put such variables into a file `.env` next to hosts.toml.

```sh
SELVEDGE_APP__BRANCH=fix fab deploy
SELVEDGE_HOSTS__SERVER__ADDRESS=203.0.113.12 fab -H server status
SELVEDGE_APP__DOMAINS='["hello.example.com"]' fab deploy      # lists and tables are JSON
```

In the name of a host, write `_` for `-` and `.`: `SELVEDGE_HOSTS__WEB_1__PORT` is the port of `[hosts.web-1]`.

| source, strongest first | example |
|---|---|
| command line | `fab deploy --branch fix` |
| environment | `SELVEDGE_APP__BRANCH=fix` |
| `.env` next to hosts.toml | `SELVEDGE_APP__BRANCH=fix` |
| hosts.toml | `branch = "fix"` |

Within a source, a host's own table overrides the general table. A general setting of a stronger source overrides a host's
own setting of a weaker source. Tables inside a table, such as `nginx.static`, are merged key by key.

`fab config` shows the result for a server, with the source of each setting. `--only app,hosts` shows a part of it. It contacts
no server, and hides passwords and tokens.

These variables are not settings:

| variable | purpose |
|---|---|
| `SELVEDGE_HOSTS_FILE` | path of hosts.toml |
| `SELVEDGE_SUDO_PASSWORD` | your sudo password, for servers whose sudo asks for it |
| `SELVEDGE_BASIC_AUTH_USER` | the password of a user of `nginx.basic_auth` |
| `SELVEDGE_EAB_HMAC_KEY` | the key of `tls.eab_kid` |
| `SELVEDGE_DNS_CREDENTIALS` | the content of a file for `tls.dns_credentials` |
| `SELVEDGE_BACKUP__PASSWORD` | the password that encrypts the backups |
| `SELVEDGE_BACKUP__S3_ACCESS_KEY`, `SELVEDGE_BACKUP__S3_SECRET_KEY` | the access key for `backup.to = "s3:…"` |
| `SELVEDGE_SERVICES__PASSWORD` | the password of the database that several servers use (`services.clients`) |
| `SELVEDGE_NOTIFY__URLS` | the addresses of chat rooms, phones and webhooks for messages about releases and from servers |
| `SELVEDGE_DOCKER__USER`, `SELVEDGE_DOCKER__PASSWORD` | the login to the registry of `docker.registry` |
| `SELVEDGE_DEBUG` | set to print tracebacks |
| `SELVEDGE_SANDBOX_DIR` | folder of the sandbox |
| `SELVEDGE_SANDBOX_DRIVER` | program that runs sandbox servers |

An empty variable is a mistake, also in `.env`. To turn a setting off, set it to `""` in hosts.toml.

Any other variable that begins with `SELVEDGE_` is a mistake. Selvedge ignores other names in `.env`.
"""

SECRETS = """\
## Secrets

Keep secrets out of hosts.toml: put them into the environment, into `.env`, into the files of `app.env_file` and
`app.build_env_file`, or into a password manager (`app.env_command`). Selvedge rejects a repository address with a password or
token in hosts.toml.
"""

STRINGS = """\
## Allowed characters

Names, host names, branches, addresses and paths on the server allow few characters; the message for a wrong value lists
them. The following values may contain any character except line breaks and other control characters:

| setting | read by |
|---|---|
| `app.migrate`, `app.env_command`, `processes.NAME.command`, `timers.NAME.command`, commands in `[hooks]` | \
`sh`, exactly as you wrote them |
| `app.repository` (a path), `app.env_file`, `app.build_env_file`, `tls.certificate`, `tls.certificate_key`, `tls.acme_ca`, \
`tls.dns_credentials`, \
`server.authorized_keys`, `maintenance.page`, `backup.key`, `hosts.NAME.key`, `hosts.NAME.known_hosts` | your machine, as paths |
| `tls.email`, the part before `@` | the certificate authority; common punctuation only |
| values in the files of `app.env_file` and `app.build_env_file` | the app, or the installer; line breaks are allowed |

python-dotenv reads both files. `${NAME}` in them is not expanded.
"""

TITLES: Mapping[str, str] = {
    "app": "the app",
    "tls": "HTTPS",
    "server": "the server",
    "mirrors": "where the server downloads from",
    "nginx": "the web server",
    "maintenance": "the maintenance page",
    "hooks": "your own commands",
    "box": "the restrictions under systemd",
    "docker": "images",
    "services": "a database and Redis",
    "backup": "backups",
    "balancer": "several servers with one address",
    "metrics": "metrics and alerts",
    "rollout": "releases on several servers",
    "notify": "messages about releases, and from servers",
}
ENTRIES: Mapping[str, tuple[str, str]] = {
    "processes": ("worker", "what runs beside the web process"),
    "timers": ("cleanup", "commands at set times"),
}
"""The tables with names that users choose: the name in the examples, and the title."""
GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "app": {
        "Code": ("name", "repository", "branch", "root", "carry", "deploy_key_type", "module", "factory", "shared_paths"),
        "Host names": ("domains",),
        "Workers": ("server", "workers", "worker_class", "timeout", "release_header"),
        "Health check": (
            "health", "health_status", "health_host", "health_timeout", "start_timeout", "health_attempts", "health_interval",
        ),
        "Switch to a new release": ("strategy", "settle", "drain", "stop_timeout", "keep_releases"),
        "Database migration": ("migrate", "migrate_timeout", "wait_for"),
        "The app's environment": ("env_file", "settings"),
        "The app's environment from a password manager": ("env_command",),
        "Python and requirements": ("python", "python_from", "installer", "requirements", "extras", "dependency_groups"),
        "Package indexes": ("index_strategy", "build_env_file"),
        "Process manager": ("manager", "memory_max", "tasks_max"),
        "Logs": ("log_level", "log_format", "access_log"),
    },
    "tls": {
        "Certificates from Let's Encrypt": ("email", "certbot", "staging", "hsts"),
        "Certificates from another authority": ("acme_server", "acme_ca", "eab_kid"),
        "Certificates over DNS": ("challenge", "dns_plugin", "dns_credentials", "dns_propagation"),
        "Your own certificate": ("certificate", "certificate_key"),
        "HTTPS on a load balancer": ("upstream",),
    },
    "server": {
        "Packages": ("packages",),
        "Updates": ("upgrade", "unattended_upgrades", "automatic_reboot", "reboot_time"),
        "Firewall and bans": ("firewall", "open_ports", "fail2ban", "ignore_ips"),
        "Logins": ("authorized_keys", "sudo", "allow_forwarding"),
    },
    "services": {
        "PostgreSQL": ("postgres", "hosts", "clients", "database_scheme"),
        "Redis": ("redis", "redis_scheme"),
    },
    "nginx": {
        "Ports": ("http_port", "https_port"),
        "Files": ("static", "media", "spa"),
        "Names and access": ("redirects", "default_server", "trusted_proxies", "basic_auth"),
        "Several apps under one name": ("path", "strip_path"),
        "Limits": ("max_body", "read_timeout", "large_headers", "rate_limit"),
        "Responses": ("gzip", "brotli", "security_headers", "csp", "headers", "cache", "include"),
    },
}
"""The titles of the parts of a long section, with their keys. A part's examples can be set together."""


def reference() -> str:
    """Return the page as Markdown."""
    return "\n".join([INTRODUCTION, *_sections(), _hosts(), _groups(), ENVIRONMENT, SECRETS, STRINGS])


def _sections() -> Iterator[str]:
    for name, title in TITLES.items():
        model = section_model(Settings.model_fields[name].annotation)
        assert model is not None
        yield f"## `[{name}]`: {title}\n\n{inspect.getdoc(model)}\n"
        for group, keys in GROUPS.get(name, {"": tuple(model.model_fields)}).items():
            yield (f"### {group}\n\n" if group else "") + _table(model, keys, name)
    for name, (example, title) in ENTRIES.items():
        model = entry_model(Settings.model_fields[name].annotation)
        assert model is not None
        yield f"## `[{name}.NAME]`: {title}\n\n{inspect.getdoc(model)}\n"
        yield _table(model, tuple(model.model_fields), f"{name}.{example}")


def _hosts() -> str:
    keys = [key for key in Host.model_fields if key != "name" and key not in OVERRIDES]
    own = ", ".join(f"`[hosts.NAME.{name}{'.NAME' if name in ENTRIES else ''}]`" for name in OVERRIDES)
    return f"""\
## `[hosts.NAME]`: a server

Each server has a table, and its NAME is the name for `-H`: `fab -H NAME status`. Without `-H`, a command runs on the servers
with `default = true`, or on the only server. `-H` also takes:

| argument | example |
|---|---|
| several names | `fab -H web-1,web-2 status` |
| a group | `fab -H production status` |
| a name from `~/.ssh/config` | `fab -H build status` |
| an address that is not in hosts.toml | `fab -H 203.0.113.10 status` |
| a user, an address and a port | `fab -H ubuntu@[2001:db8::10]:2222 status` |

{_table(Host, keys, "hosts.server")}
### Settings of one host

A host can override settings in tables of its own: {own}.
It can also have a process or a timer that other hosts do not have.

```toml
[hosts.staging]
address = "203.0.113.11"

[hosts.staging.app]
branch = "develop"
domains = ["staging.example.com"]
```
"""


def _groups() -> str:
    return """\
## `[groups]`: names for several servers

`fab -H production deploy` deploys to all servers of this group:

```toml
[groups]
production = ["web-1", "web-2"]
```
"""


def _table(model: type[BaseModel], keys: Sequence[str], name: str) -> str:
    """Return the keys in a table, and below it an example of each in TOML."""
    fields = {key: model.model_fields[key] for key in keys}
    rows = ["| key | type | default | description |", "|---|---|---|---|", *(_row(key, field) for key, field in fields.items())]
    examples = [f"{key} = {to_toml(field.examples[0])}" for key, field in fields.items() if field.examples]
    return "\n".join([*rows, "", "```toml", f"[{name}]", *examples, "```"]) + "\n"


def _row(key: str, field: FieldInfo) -> str:
    kind = describe_type(field.annotation, field.metadata).replace('"', "`").removeprefix("one of ")
    description, _, computed = (field.description or "").partition(" Default: ")
    default = field.get_default(call_default_factory=True, validated_data={})
    shown = "required" if default is PydanticUndefined else computed.rstrip(".") or _value(default)
    return f"| `{key}` | {_cell(re.sub(r'(^|(?<= or ))an? ', '', kind))} | {_cell(shown)} | {_cell(description)} |"


def _value(default: object) -> str:
    return "none" if default in (None, "", [], {}) else f"`{to_toml(default)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
