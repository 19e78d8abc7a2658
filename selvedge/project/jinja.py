"""Jinja2, as Selvedge uses it: where templates are, how they quote, and what is said of a mistake in one."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined

from selvedge.errors import ConfigError
from selvedge.project import quoting
from selvedge.project.collection import CONFLICT, FOLDER, TEMPLATES, own_remedy
from selvedge.shell.quoting import quote


def _bytecode_cache() -> FileSystemBytecodeCache | None:
    """Return the cache of compiled templates, which saves each run 32 ms of 336; None if other users could write to its folder.

    Compiled templates are code.
    """
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "selvedge" / "templates"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owned = folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o022
    except (OSError, RuntimeError):
        return None
    return FileSystemBytecodeCache(str(folder)) if owned else None


class Loader(FileSystemLoader):
    """Finds the first file with a template's name, and refuses one with conflicts of a merge."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, is_current = super().get_source(environment, template)
        if found := re.search(f"^{CONFLICT}", source, re.MULTILINE):
            line = source.count("\n", 0, found.start()) + 1
            raise jinja2.TemplateSyntaxError("has a conflict of a merge that is not resolved", line, template, path)
        return source, path, is_current


@functools.cache
def environment() -> Environment:
    """Return the environment of all templates, with filters that quote a value: `sh`, `nginx`, `yaml`, `json` and others."""
    made = Environment(
        loader=Loader(TEMPLATES),
        undefined=StrictUndefined,
        # Pages for a browser are HTML; the other templates quote by filters.
        autoescape=lambda name: bool(name and name.startswith("pages/")),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_bytecode_cache(),
    )
    made.filters["sh"] = lambda value: quote(str(value))
    made.filters["nginx"] = lambda value: quoting.nginx_quote(str(value))
    made.filters["yaml"] = lambda value: quoting.yaml_quote(str(value))
    made.filters["word"] = lambda value: quoting.yaml_word(str(value))
    made.filters["json"] = quoting.json_quote
    made.filters["dockerfile"] = lambda value: quoting.dockerfile_quote(str(value))
    made.filters["dollars"] = lambda value: quoting.double_dollars(str(value))
    made.filters["bicep"] = lambda value: quoting.bicep_quote(str(value))
    return made


def compiled(name: str) -> jinja2.Template:
    """Return the template `templates/<name>`. Raises ConfigError if it is missing or has a mistake."""
    try:
        return environment().get_template(name)
    except (jinja2.TemplateError, OSError, UnicodeDecodeError) as error:
        raise _mistake(name, error) from error


def _mistake(name: str, error: Exception) -> ConfigError:
    """Return the error for a template that someone has edited, renamed or deleted."""
    line = ""
    if isinstance(error, jinja2.TemplateNotFound):
        name, problem = str(error.name), "the file is missing, or not a regular file"
    elif isinstance(error, jinja2.TemplateSyntaxError):
        name, line, problem = error.name or name, f"line {error.lineno}", error.message or "is not a template"
    elif isinstance(error, UnicodeDecodeError):
        problem = "the file is not UTF-8 text"
    else:
        problem = str(error)
    return ConfigError(_shown(name), line, problem, _remedy(name))


def _own(name: str) -> bool:
    """Return whether the project has this template of its own."""
    return any((folder / name).exists() for folder in TEMPLATES[:-1])


def _shown(name: str) -> str:
    return f"{FOLDER}/templates/{name}" if _own(name) else f"templates/{name}"


def _remedy(name: str) -> str:
    if _own(name):
        return own_remedy(packaged=(TEMPLATES[-1] / name).exists())
    if len(TEMPLATES) > 1:
        return "Install Selvedge again: `pip install --force-reinstall selvedge-deploy`."
    return f"Correct it, or restore the original: `git checkout -- {quote(f'templates/{name}')}`."


def rendered(template: jinja2.Template, values: Mapping[str, Any]) -> str:
    """Return the text. Raises ConfigError if the template, or one that it includes, has a mistake."""
    try:
        return template.render(**values)
    except jinja2.TemplateError as error:
        raise _mistake(str(template.name), error) from error


def rendered_text(text: str, values: Mapping[str, Any]) -> str:
    """Return a template's text, e.g. of a user's own file, with the values filled in. Raises ValueError, which names the line."""
    try:
        return environment().from_string(text).render(**values)
    except jinja2.TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.message}") from error
    except jinja2.TemplateError as error:
        raise ValueError(str(error)) from error
