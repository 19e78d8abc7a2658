"""Check whether a release can start: its settings are complete, and its module can be imported and has an ASGI app.

This runs on the server, in the release's environment. The last line of its output is a sentence for the user. Arguments: the
ASGI callable as "module:name"; the settings class in the same form, or ""; a number of seconds. When the settings are complete,
this writes a line to file descriptor 4, so that the release can start, and imports the module after that number of seconds.
"""

import gc
import importlib
import importlib.util
import inspect
import os
import sys
import time
import traceback


def main(app, settings, head_start):
    """Return the error as a sentence for the user, None without an error."""
    # Garbage collection takes a tenth of an import's time, and this process ends soon anyway.
    gc.disable()
    sys.path.insert(0, "")
    # A process that the app starts must not keep it open.
    os.set_inheritable(4, False)
    try:
        wrong = check_settings(settings or find_settings(app))
        if wrong:
            return wrong
        os.write(4, b"complete\n")
        os.close(4)
        time.sleep(head_start)
        return check_app(app)
    except SystemExit as stop:
        return f"The app exits while it is imported (exit status {stop.code})"
    except BaseException as error:
        return explain(error)


def find_settings(app):
    """Return the class Settings of settings.py or config.py, next to the app's module or at the top; "" if there is none."""
    package = app.partition(":")[0].rpartition(".")[0]
    for folder in filter(None, [package, "top"]):
        for name in ("settings", "config"):
            module = name if folder == "top" else f"{folder}.{name}"
            try:
                spec = importlib.util.find_spec(module)
            except ImportError:
                continue
            if spec is not None and spec.origin and ".venv" not in spec.origin and "site-packages" not in spec.origin:
                found = getattr(importlib.import_module(module), "Settings", None)
                if inspect.isclass(found) and any(base.__name__ == "BaseSettings" for base in found.__mro__):
                    return f"{module}:Settings"
    return ""


def check_settings(name):
    """Create the settings once. Return an error, or raise the error of the class."""
    if not name:
        return None
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            return f"The module {module} has no {attribute}. Correct app.settings in hosts.toml"
        found = getattr(found, part)
    found()
    return None


def check_app(name):
    """Import the ASGI callable. Return an error, or raise the error of the import."""
    module, _, attribute = name.partition(":")
    target = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(target, part):
            return f"The module {module} has no attribute {attribute}. Correct app.module in hosts.toml"
        target = getattr(target, part)
    if not callable(target):
        return f"{name} is not an ASGI app, because it cannot be called. Correct app.module in hosts.toml"
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return None
    if len(parameters) == 2:
        return f"{name} looks like a WSGI app, because it takes two parameters. An ASGI app takes three: scope, receive and send"
    return None


def explain(error):
    """Return an error as a sentence. For a settings error it has only names, because the error's own text repeats the values."""
    if hasattr(error, "errors") and type(error).__name__ == "ValidationError":
        problems = []
        for item in error.errors():
            where = ".".join(str(part) for part in item["loc"]) or "(the settings as a whole)"
            problems.append(f"{where} ({'missing' if item['type'] == 'missing' else item['type']})")
        return (
            f"The app's environment does not match {error.title}: {', '.join(problems)}. "
            "Set these variables in the file that app.env_file in hosts.toml names"
        )
    if type(error).__name__ == "SettingsError":
        return f"The app's environment does not match its settings: {str(error).splitlines()[0]}"
    traceback.print_exc()
    return f"The app cannot be imported: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


if __name__ == "__main__":
    problem = main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    if problem:
        print(problem)
        sys.exit(1)
