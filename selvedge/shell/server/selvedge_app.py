"""Find a release's ASGI app, and explain in a sentence why that failed.

This module is in the folder of each release on the server, and on its PYTHONPATH. The workers load the app with it, and so does
the check before a migration. "[selvedge] " begins the line of a sentence in the app's log, which the release switch looks for.
"""

import importlib
import inspect
import os
import re
import sys
import traceback

MARK = "[selvedge] "
FACTORIES = (
    "create_app", "get_app", "make_app", "build_app", "init_app", "setup_app", "app_factory", "factory",
    "create_application", "get_application", "make_application", "build_application",
)  # fmt: skip
WRONG = "Correct app.module in hosts.toml"


class NoApp(Exception):
    """The module has no ASGI app. The text is a sentence for the user."""


def load_or_explain(name):
    """Return the ASGI app `module:name`. Raise NoApp with a sentence; an exception of the app is printed first."""
    try:
        return load(name)
    except NoApp as error:
        sentence = str(error)
    except SystemExit as stop:
        sentence = f"The app exits while it is imported (exit status {stop.code})"
    except BaseException as error:
        traceback.print_exc()
        sentence = explain(error)
    raise NoApp(f"{MARK}{sentence}") from None


def load(name):
    """Import the module and return its ASGI app. `name()` is called, and so is a function that needs no arguments."""
    module_name, _, attribute = name.partition(":")
    called = attribute.endswith("()")
    attribute = attribute[:-2] if called else attribute
    module = importlib.import_module(module_name)
    target = find(module, attribute)
    if target is None:
        attribute, target = find_factory(module, attribute)
    shown = f"{module_name}:{attribute}"
    if not callable(target):
        raise NoApp(f"{shown} is not an ASGI app, because it cannot be called. {WRONG}")
    if called or is_factory(target):
        target = call(shown, target)
    parameters = positional(target)
    if parameters is not None and len(parameters) == 2:
        raise NoApp(
            f"{shown} looks like a WSGI app, because it takes two parameters. An ASGI app takes three: scope, receive and send"
        )
    return target


def find(module, attribute):
    """Return an attribute of a module, whose name may have dots; None if it is missing."""
    for part in attribute.split("."):
        module = getattr(module, part, None)
    return module


def find_factory(module, attribute):
    """Return the name and function of the only factory of a module that has no such attribute. Raise NoApp without one."""
    found = [name for name in FACTORIES if is_factory(getattr(module, name, None))]
    if len(found) == 1:
        print(f"[selvedge] {module.__name__} has no {attribute}, so its factory {found[0]}() makes the app", flush=True)
        return found[0], getattr(module, found[0])
    apps = [name for name, value in vars(module).items() if not name.startswith("_") and is_app(value)]
    hint = f'Set app.module = "{module.__name__}:{apps[0]}" in hosts.toml' if apps else WRONG
    if found:
        hint = f'It has several factories. Set, for example, app.module = "{module.__name__}:{found[0]}()" in hosts.toml'
    raise NoApp(f"The module {module.__name__} has no attribute {attribute}. {hint}")


def is_app(value):
    """Return whether a value is an instance of Starlette, FastAPI or a class like them."""
    return not inspect.isclass(value) and callable(value) and hasattr(value, "routes") and hasattr(value, "router")


def positional(target):
    """Return the parameters that a call must or may pass by position; None if Python cannot tell."""
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return None
    return [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]


def is_factory(target):
    """Return whether a function can be called without arguments: an ASGI app takes three."""
    if not (inspect.isfunction(target) or inspect.ismethod(target) or inspect.isclass(target) or hasattr(target, "func")):
        return False
    parameters = positional(target)
    return parameters is not None and all(each.default is not each.empty for each in parameters)


def call(shown, factory):
    """Return the app that a factory makes."""
    parameters = positional(factory) or []
    needed = [each.name for each in parameters if each.default is each.empty]
    if needed:
        raise NoApp(f"The factory {shown}() needs arguments ({', '.join(needed)}). Name one without, or an app, in app.module")
    app = factory()
    if inspect.iscoroutine(app):
        app.close()
        raise NoApp(f"The factory {shown}() is an `async def`, so no app server can call it. Remove `async`, or name an app object")
    if not callable(app):
        raise NoApp(f"The factory {shown}() returned {type(app).__name__}, which is not an ASGI app. {WRONG}")
    return app


def routes(app):
    """Return the paths of GET routes without parameters, also of an app that others wrap."""
    seen = []
    while app is not None and not hasattr(app, "routes") and app not in seen:
        seen.append(app)
        app = getattr(app, "app", None)
    found = []
    for route in getattr(app, "routes", None) or []:
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None) or ()
        if "GET" in methods and path and "{" not in path:
            found.append(path)
    return found


def explain(error):
    """Return an exception as a sentence. For a settings error it has no values, which the error's own text repeats."""
    if hasattr(error, "errors") and type(error).__name__ == "ValidationError":
        return explain_settings(error)
    if type(error).__name__ == "SettingsError":
        return f"The app's environment does not match its settings: {first_line(error)}"
    if isinstance(error, KeyError) and read_from_environment(error):
        return f"The app needs the variable {first_line(error)}. Set it in the file that app.env_file in hosts.toml names"
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
    try:
        problems = [explain_problem(item, prefix_of(error)) for item in error.errors()]
    except Exception:
        problems = ["its errors cannot be shown"]
    title = getattr(error, "title", "") or getattr(getattr(error, "model", None), "__name__", "its settings")
    return (
        f"The app's environment does not match {title}: {'; '.join(problems)}. "
        "Set these variables in the file that app.env_file in hosts.toml names"
    )


def explain_problem(item, prefix):
    """Return one of pydantic's errors in words, without any value of the environment."""
    where = ".".join(str(part) for part in item["loc"] if part != "__root__")
    if where and not where.startswith(prefix):
        where = f"{prefix}{where}"
    if item["type"] in ("missing", "value_error.missing"):
        return f"{where} (missing)"
    words = item["msg"]
    for start in ("Value error, ", "Assertion failed, "):
        words = words[len(start) :] if words.startswith(start) else words
    words = hide(" ".join(words.split()), item.get("input"))
    return f"{where}: {words}" if where else words


def prefix_of(error):
    """Return the prefix of the variables of the settings class whose error this is, "" if it has none."""
    todo = [getattr(sys.modules.get(name), "BaseSettings", None) for name in ("pydantic_settings", "pydantic.v1")]
    while todo:
        found = todo.pop()
        if inspect.isclass(found):
            config = getattr(found, "model_config", None)
            if found.__name__ == getattr(error, "title", "") and isinstance(config, dict):
                return config.get("env_prefix") or ""
            todo += found.__subclasses__()
    return ""


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
