"""Explain in a sentence why an app cannot be imported, without the values of its environment.

This module is in the folder of each release on the server, beside selvedge_app.py.
"""

import inspect
import os
import re
import sys
import traceback


def explain(error):
    """Return an exception as a sentence. For a settings error it has no values, which the error's own text repeats."""
    if hasattr(error, "errors") and type(error).__name__ == "ValidationError":
        return explain_settings(error)
    if type(error).__name__ == "SettingsError":
        return f"The app's environment does not match its settings: {first_line(error)}"
    if isinstance(error, KeyError) and read_from_environment(error):
        return f"The app needs the variable {first_line(error)}. Set it in app.env_file or app.env_command of hosts.toml"
    return f"The app cannot be imported: {type(error).__name__}: {first_line(error)}"


def first_line(error):
    """Return the first line of an exception's text."""
    return (str(error).splitlines() or [""])[0]


def read_from_environment(error):
    """Return whether os.environ raised the error."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].name == "__getitem__" and frames[-1].filename in (os.__file__, "<frozen os>")


def explain_settings(error):
    """Return pydantic's error as a sentence: the names of the variables, and the validators' own words."""
    model = None
    try:
        model = model_of(error)
        problems = [explain_problem(item, variable(item["loc"], model)) for item in error.errors()]
    except Exception:
        problems = ["its errors cannot be shown"]
    title = getattr(error, "title", "") or getattr(model, "__name__", "its settings")
    return (
        f"The app's environment does not match {title}: {'; '.join(problems)}. "
        "Set these variables in app.env_file or app.env_command of hosts.toml"
    )


def explain_problem(item, where):
    """Return one of pydantic's errors in words, without any value of the environment. where: the variable."""
    if item["type"] in ("missing", "value_error.missing"):
        return f"{where} (missing)"
    words = item["msg"]
    for start in ("Value error, ", "Assertion failed, "):
        words = words[len(start) :] if words.startswith(start) else words
    words = hide(" ".join(words.split()), item.get("input"))
    return f"{where}: {words}" if where else words


def variable(place, model):
    """Return the environment variable of a field, as far as it can be told. place: pydantic's "loc"."""
    parts = [str(part) for part in place if part != "__root__"]
    config = getattr(model, "model_config", None)
    if not parts or model is None:
        return ".".join(parts)
    if config is None:
        field = model.__fields__.get(parts[0])
        names = field.field_info.extra.get("env_names") if field else None
        cased = str if getattr(model.__config__, "case_sensitive", False) else str.upper
        parts[0] = cased(sorted(names)[0]) if names else parts[0]
        return (getattr(model.__config__, "env_nested_delimiter", None) or ".").join(parts)
    # An alias is the whole name. pydantic-settings finds other names in any case; by convention they are upper-case.
    cased = str if config.get("case_sensitive") else str.upper
    if parts[0] in model.model_fields:
        parts[0] = cased(f"{config.get('env_prefix') or ''}{parts[0]}")
    delimiter = config.get("env_nested_delimiter")
    return delimiter.join([parts[0], *map(cased, parts[1:])]) if delimiter else ".".join(parts)


def model_of(error):
    """Return the settings class whose error this is; None if it is unknown. pydantic 2 tells its title only."""
    if hasattr(error, "model"):
        return error.model
    names = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
    todo, found = [getattr(sys.modules.get("pydantic_settings"), "BaseSettings", None)], []
    while todo:
        each = todo.pop()
        if inspect.isclass(each):
            config = getattr(each, "model_config", {})
            if error.title in (each.__name__, config.get("title")):
                found.append(each)
            todo += each.__subclasses__()
    # Several classes may have the same name.
    return max(found, key=lambda each: len(names & each.model_fields.keys()), default=None)


# Variables of the system, of sudo, of the process manager and of Selvedge, whose values are public: any sentence may have them.
SYSTEM = re.compile(
    "PATH|HOME|LANG|LC_.*|PWD|OLDPWD|SHLVL|_|SHELL|TERM|MAIL|TZ|USER|USERNAME|LOGNAME|HOSTNAME|SUDO_.*|SSH_.*|XDG_.*|SUPERVISOR_.*"
    "|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|VIRTUAL_ENV|PYTHONPATH|APP_SHARED|TMPDIR|RELEASE|COMMIT"
)


def hide(text, value):
    """Replace a value, the values in it, and those of the app's environment, wherever the text has them."""
    values = {name: each for name, each in os.environ.items() if not SYSTEM.fullmatch(name)}
    found = {form for each in (*leaves(value), *leaves(values)) for form in (each, each.strip(), each.lower(), each.upper())}
    for each in sorted(found, key=len, reverse=True):
        # A shorter value is no secret, and may be a part of any word.
        if len(each) > 3:
            text = text.replace(each, "•••")
    return text


def leaves(value):
    """Return the single values of nested lists and tables as text."""
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, (list, tuple, set)):
        return [leaf for each in value for leaf in leaves(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
