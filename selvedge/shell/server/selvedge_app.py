"""Find a release's ASGI app, or say in a sentence why that failed.

This module is in the folder of each release on the server, and on its PYTHONPATH. The workers load the app with it, and so does
the check before a migration. "[selvedge] " begins the line of a sentence in the app's log, which the release switch looks for.
"""

import contextlib
import importlib
import inspect
import logging.config
import re
import sys
import threading
import traceback
from pathlib import Path

from selvedge_explain import explain

MARK = "[selvedge] "
FACTORIES = (
    "create_app", "get_app", "make_app", "build_app", "init_app", "setup_app", "app_factory", "factory",
    "create_application", "get_application", "make_application", "build_application",
)  # fmt: skip
WRONG = "Correct app.module in hosts.toml"
# A line that makes an app: `app = FastAPI(`.
MADE = re.compile(
    r"^(\w+)(?: *:[^=\n]+)? *= *(?:\w+\.)*(?:FastAPI|Starlette|Litestar|Quart|ASGIApp|get_asgi_application)\(", re.MULTILINE
)


LOGGERS = ("selvedge", "selvedge.access", "uvicorn", "uvicorn.error", "uvicorn.asgi", "hypercorn.error", "gunicorn.error")
"""The loggers of app servers. The release switch reads their lines, and an error of the app is logged by one of them."""


class NoApp(Exception):
    """The module has no ASGI app. The text is a sentence for the user."""


def load_or_explain(name):
    """Return the ASGI app `module:name`. Raise NoApp with a sentence; an exception of the app is printed first."""
    keep_loggers()
    try:
        return load(name)
    except NoApp as error:
        sentence = str(error)
    except SystemExit as stop:
        status = "" if isinstance(stop.code, str) else "exit status "
        sentence = f"The app exits while it is imported ({status}{stop.code})"
    except BaseException as error:
        # The app may have closed its output.
        with contextlib.suppress(Exception):
            traceback.print_exc()
        sentence = explain(error)
    raise NoApp(f"{MARK}{sentence}") from None


def keep_loggers():
    """Keep LOGGERS on when the app configures its logging: unless told otherwise, dictConfig disables all that it does not name."""
    handle = getattr(logging.config, "_handle_existing_loggers", None)

    def keep(existing, children, disable):
        # Loggers below one that the app configures are not disabled.
        handle([name for name in existing if name in children or name not in LOGGERS], children, disable)

    if handle:
        logging.config._handle_existing_loggers = keep


def load(name):
    """Import the module and return its ASGI app. `name()` is called, and so is a function that needs no arguments."""
    module_name, _, attribute = name.partition(":")
    called = attribute.endswith("()")
    attribute = attribute[:-2] if called else attribute
    module = import_app(module_name)
    target = find(module, attribute)
    if target is None:
        attribute, target = find_factory(module, attribute)
    shown = f"{module_name}:{attribute}"
    if inspect.ismodule(target):
        raise NoApp(f'{shown} is a module. Set app.module = "{target.__name__}:{(*apps_of(target), "app")[0]}" in hosts.toml')
    if not callable(target):
        raise NoApp(f"{shown} is not an ASGI app, because it cannot be called. {WRONG}")
    if called or is_factory(target, attribute):
        target = call(shown, target)
    return as_asgi(shown, target)


def import_app(name):
    """Import the app's module. Raise NoApp if there is none, or if it starts a server of its own."""
    try:
        with without_server(name):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not error.name or not f"{name}.".startswith(f"{error.name}."):
            raise
        found = apps_in_files()
        hint = f'Set app.module = "{found[0]}" in hosts.toml' if len(found) == 1 else WRONG
        hint += f", for example to one of {', '.join(found[:5])}" if len(found) > 1 else ""
        raise NoApp(f"The app cannot be imported: ModuleNotFoundError: {error}. {hint}") from None


@contextlib.contextmanager
def without_server(name):
    """Make `uvicorn.run()` raise NoApp meanwhile: it would serve a port of its own, and the import would never end."""
    loading = True

    def refuse(*args, **options):
        if loading and threading.current_thread() is threading.main_thread():
            call = 'Move the call of uvicorn.run() below `if __name__ == "__main__":`'
            raise NoApp(f"The module {name} starts a server of its own while it is imported. {call}")
        return run(*args, **options)

    try:
        uvicorn = importlib.import_module("uvicorn")
    except ImportError:
        yield
        return
    run, uvicorn.run = uvicorn.run, refuse
    try:
        yield
    finally:
        loading, uvicorn.run = False, run


def apps_in_files():
    """Return the apps in the files of the current folder, each as "module:name"."""
    found = []
    for path in sorted(Path().rglob("*.py"), key=lambda path: (len(path.parts), path)):
        parts = path.with_suffix("").parts
        parts = parts[1:] if parts[0] == "src" else parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if not parts or not all(part.isidentifier() for part in parts) or {"tests", "test", "node_modules"} & {*parts}:
            continue
        with contextlib.suppress(OSError, UnicodeError):
            match = MADE.search(path.read_text("utf-8"))
            if match:
                found.append(f"{'.'.join(parts)}:{match[1]}")
    return found


def find(module, attribute):
    """Return an attribute of a module, whose name may have dots; None if it is missing."""
    for part in attribute.split("."):
        module = getattr(module, part, None)
    return module


def find_factory(module, attribute):
    """Return the name and function of the only factory of a module that has no such attribute. Raise NoApp without one."""
    found = [name for name in FACTORIES if is_factory(getattr(module, name, None), name)]
    if len(found) == 1:
        with contextlib.suppress(Exception):
            print(f"[selvedge] {module.__name__} has no {attribute}, so its factory {found[0]}() makes the app", flush=True)
        return found[0], getattr(module, found[0])
    apps = apps_of(module)
    hint = f'Set app.module = "{module.__name__}:{apps[0]}" in hosts.toml' if apps else WRONG
    if found:
        hint = f'It has several factories. Set, for example, app.module = "{module.__name__}:{found[0]}()" in hosts.toml'
    elif not apps and runs_server(module):
        hint = "It makes its app only when it is run as a program: make it at the top level of the module, or in create_app()"
    raise NoApp(f"The module {module.__name__} has no attribute {attribute}. {hint}")


def apps_of(module):
    """Return the names of a module's apps: those of FastAPI and classes like it come first."""
    found = {name: value for name, value in vars(module).items() if not name.startswith("_") and is_app(value)}
    return sorted(found, key=lambda name: not hasattr(found[name], "router"))


def is_app(value):
    """Return whether a value is an app that was made: one of FastAPI, Starlette or a class like them, or any ASGI app."""
    if inspect.isclass(value) or not callable(value):
        return False
    if hasattr(value, "routes"):
        # A router of FastAPI can be called, too.
        return hasattr(value, "router")
    return [each.name for each in positional(value) or []] == ["scope", "receive", "send"]


def runs_server(module):
    """Return whether the module's text starts a server."""
    try:
        return bool(re.search(r"\b(uvicorn|hypercorn|app|asyncio)\.(run|serve)\(", inspect.getsource(module)))
    except (OSError, TypeError):
        return False


def positional(target):
    """Return the parameters that a call must or may pass by position; None if Python cannot tell."""
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return None
    return [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]


def is_factory(target, name):
    """Return whether something can be called without arguments: an ASGI app takes three.

    A decorated function may hide its parameters. Then its name decides.
    """
    if not callable(target):
        return False
    parameters = positional(target)
    if parameters is None:
        return name in FACTORIES and inspect.isfunction(target)
    return all(each.default is not each.empty for each in parameters)


def call(shown, factory):
    """Return the app that a factory makes."""
    refuse_arguments(shown, factory)
    app = factory()
    if inspect.iscoroutine(app):
        app.close()
        raise NoApp(f"The factory {shown}() is an `async def`, so no app server can call it. Remove `async`, or name an app object")
    if not callable(app):
        raise NoApp(f"The factory {shown}() returned {type(app).__name__}, which is not an ASGI app. {WRONG}")
    return app


def refuse_arguments(shown, factory):
    """Raise NoApp if a factory cannot be called without arguments."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [each.name for each in parameters if each.default is each.empty and each.kind not in variable]
    if needed:
        raise NoApp(f"The factory {shown}() needs arguments ({', '.join(needed)}). Name one without, or an app, in app.module")


def as_asgi(shown, target):
    """Return the app with the three parameters of ASGI 3. Raise NoApp if it is none."""
    names = [each.name for each in positional(target) or []]
    if names == ["scope"]:

        async def second_version(scope, receive, send):
            await target(scope)(receive, send)

        return second_version
    if "start_response" in names or (len(names) == 2 and not inspect.isroutine(target)):
        raise NoApp(
            f"{shown} looks like a WSGI app, because it takes two parameters. An ASGI app takes three: scope, receive and send. "
            "Wrap it, for example in WsgiToAsgi of the package asgiref, and name the result in app.module"
        )
    if 0 < len(names) < 3:
        refuse_arguments(shown, target)
    return target


def routes(app):
    """Return the paths of GET routes without parameters, also of an app that others wrap."""
    seen = []
    while app is not None and not hasattr(app, "routes") and app not in seen:
        seen.append(app)
        app = getattr(app, "app", None)
    # From 0.137 on, FastAPI keeps the routes of a router that the app includes in an object of the router.
    flat = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", iter)
    found = []
    for route in flat(getattr(app, "routes", None) or []):
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None) or ()
        if "GET" in methods and path and "{" not in path:
            found.append(path)
    return found
