"""Generate docs/hosts-toml.md from the settings' descriptions: `python -m selvedge.config.reference > docs/hosts-toml.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.schema import describe_type, section_model, to_toml
from selvedge.config.settings import Settings

INTRODUCTION = """\
# hosts.toml

The app and its servers, in one file of [TOML](https://toml.io). It is looked for in the working directory and the
folders above it; `SELVEDGE_HOSTS_FILE=other.toml` names another one. Only `name` and `repository` of `[app]` must be
there. Unknown keys, wrong types and dangerous values are refused before any server is contacted, all at once: file,
key, what is wrong, what would be right.

This page is made from the program itself (`python -m selvedge.config.reference`).
"""

SOURCES = """\
## The environment wins over the file

Every key can be given as an environment variable or in a file `.env` beside hosts.toml: `SELVEDGE_`, the table, two
underscores, the key.

```sh
SELVEDGE_APP__BRANCH=fix fab deploy
SELVEDGE_HOSTS__SERVER__ADDRESS=203.0.113.12 fab -H server status
SELVEDGE_APP__DOMAINS='["hello.example.com"]' fab deploy      # lists and tables are JSON
```

The order, strongest first: the command line (`--branch`), the environment, `.env`, hosts.toml. In each of them a host's
own table wins over the general one; a general key of a stronger source wins over a host's key of a weaker one. Tables
inside a table (`nginx.static`) are put together, key by key. In the name of a host write `_` for `-` and `.`
(`SELVEDGE_HOSTS__WEB_1__PORT` for `[hosts.web-1]`).

An unknown name that begins with `SELVEDGE_` is an error; other names in `.env` are left alone. Five are no settings:
`SELVEDGE_HOSTS_FILE` (which hosts.toml), `SELVEDGE_SUDO_PASSWORD` (for servers whose sudo asks), `SELVEDGE_DEBUG` (show
tracebacks), `SELVEDGE_SANDBOX_DIR` (where the sandbox lives) and `SELVEDGE_SANDBOX_DRIVER` (what makes its servers).

Secrets stand in the environment or in dotenv files, never in hosts.toml: a repository address with a password or token
in it is refused there.
"""

STRINGS = """\
## Which text is taken as it is

Most text has a narrow alphabet: names, host names, branches, addresses, paths on the server. These are your own words,
and are kept character for character (only line breaks and other control characters are refused):

- `app.migrate` and the commands of `[hooks]`, which `sh` gets as they are written
- paths on this machine: `app.repository` where it is a path, `app.env_file`, `tls.certificate`, `tls.certificate_key`,
  `tls.acme_ca`, `server.authorized_keys`, `hosts.NAME.key`, `hosts.NAME.known_hosts`; `~` is your home, and relative
  ones begin at the folder of hosts.toml
- the part of `tls.email` before the `@`
- the values in `app.env_file`, in which line breaks are fine as well; only NUL is not. The file is read by the rules of
  python-dotenv; `${NAME}` in it is not expanded
"""

TITLES: Mapping[str, str] = {
    "app": "the app",
    "tls": "HTTPS",
    "server": "the machine",
    "nginx": "the web server",
    "hooks": "your own commands",
    "rollout": "several servers",
}


def reference() -> str:
    """Return the page as Markdown."""
    return "\n".join([INTRODUCTION, *_sections(), _hosts(), _groups(), SOURCES, STRINGS])


def _sections() -> Iterator[str]:
    for name, title in TITLES.items():
        model = section_model(Settings.model_fields[name].annotation)
        assert model is not None
        yield f"## `[{name}]`: {title}\n\n{inspect.getdoc(model)}\n\n{_table(model, list(model.model_fields))}"


def _hosts() -> str:
    keys = [key for key in Host.model_fields if key != "name" and key not in OVERRIDES]
    own = ", ".join(f"`[hosts.NAME.{name}]`" for name in OVERRIDES)
    return f"""\
## `[hosts.NAME]`: a server

NAME is what `fab -H NAME` takes. Without `-H`, the only host is meant, or those with `default = true`. `-H` also takes
groups, names from ssh_config, and addresses that stand in no file:
`fab -H 203.0.113.10`, `fab -H ubuntu@[2001:db8::10]:2222`.

{_table(Host, keys)}
What differs on a host stands in tables of its own: {own}.

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
## `[groups]`: several servers by one name

```toml
[groups]
production = ["web-1", "web-2"]     # fab -H production deploy
```
"""


def _table(model: type[BaseModel], keys: list[str]) -> str:
    rows = ["| key | takes | default | what it does | example |", "|---|---|---|---|---|"]
    rows += [_row(key, model.model_fields[key]) for key in keys]
    return "\n".join(rows) + "\n"


def _row(key: str, field: FieldInfo) -> str:
    takes = describe_type(field.annotation, field.metadata).removeprefix("a ").replace('"', "`").replace("one of ", "")
    default = field.get_default(call_default_factory=True, validated_data={})
    shown = "**required**" if default is PydanticUndefined else "" if default in (None, "") else f"`{to_toml(default)}`"
    example = f"`{key} = {to_toml(field.examples[0])}`" if field.examples else ""
    return f"| `{key}` | {_cell(takes)} | {_cell(shown)} | {_cell(field.description or '')} | {_cell(example)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
