"""Check on the server whether a release can start, in its own environment. The last line of the output is a sentence for the user.

Arguments: what to check, "settings", "import" (the settings, then the app) or "routes"; the ASGI app as "module:name"; the settings
class in the same form, "" to look for one, "false" for none. Exit status: 0; 1 for an error; 3 if only a settings class that was
found by its name has an error. The app may not use that class, so its error counts only if the app does not start.
"""

import atexit
import contextlib
import gc
import importlib
import importlib.util
import inspect
import os
import sys
import threading
import traceback


def main(what, app, settings):
    """Return the exit status and a sentence for the user."""
    # Garbage collection takes a tenth of an import's time, and this process ends soon anyway.
    gc.disable()
    sys.path.insert(0, "")
    try:
        import selvedge_app
    except ImportError:
        # An earlier version of Selvedge made this release.
        return 0, ""
    if what == "routes":
        return 0, "\n".join(selvedge_app.routes(selvedge_app.load(app)))
    doubt = ""
    try:
        if settings != "false":
            doubt = check_settings(app, settings, selvedge_app.explain)
        if what == "import":
            selvedge_app.load_or_explain(app)
    except selvedge_app.NoApp as error:
        return 1, str(error)
    except Refused as error:
        return 1, str(error)
    return (3, doubt) if doubt else (0, "")


class Refused(Exception):
    """The settings class that hosts.toml names cannot be created. The text is a sentence for the user."""


def check_settings(app, name, explain):
    """Create the settings once. Return the error of a class that was found, "" without one. Raise Refused for one in hosts.toml."""
    found = name
    try:
        found = found or find_settings(app)
        if found:
            create_settings(found)
    except BaseException as error:
        if isinstance(error, Refused):
            raise
        # pydantic's own text repeats the values.
        if type(error).__name__ not in ("ValidationError", "SettingsError"):
            with contextlib.suppress(Exception):
                traceback.print_exc()
        sentence = explain(error) if isinstance(error, Exception) else f"{found or 'A settings module'} ends the process: {error}"
        if name:
            raise Refused(sentence) from None
        return sentence
    return ""


def find_settings(app):
    """Return the class Settings of settings.py or config.py, next to the app's module or at the top; "" if there is none."""
    package = app.partition(":")[0].rpartition(".")[0]
    for folder in filter(None, [package, "top"]):
        for name in ("settings", "config"):
            module = name if folder == "top" else f"{folder}.{name}"
            try:
                spec = importlib.util.find_spec(module)
            except Exception:
                continue
            if spec is not None and spec.origin and ".venv" not in spec.origin and "site-packages" not in spec.origin:
                found = getattr(importlib.import_module(module), "Settings", None)
                if inspect.isclass(found) and any(base.__name__ == "BaseSettings" for base in found.__mro__):
                    return f"{module}:Settings"
    return ""


def create_settings(name):
    """Create the settings. Raise Refused if the module has no such class, or the error of the class."""
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise Refused(f"The module {module} has no {attribute}. Correct app.settings in hosts.toml")
        found = getattr(found, part)
    found()


def end(output, status, sentence):
    """End the process, with a sentence as the last line of its output, a file descriptor.

    Threads of the app are not waited for, and exit handlers at most 5 seconds: they may never end.
    """

    def finish():
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with contextlib.suppress(OSError):
            os.write(output, f"{sentence}\n".encode(errors="replace") if sentence else b"")
        os._exit(status)

    timer = threading.Timer(5, finish)
    timer.daemon = True
    timer.start()
    atexit._run_exitfuncs()
    finish()


if __name__ == "__main__":
    # The app may close its output, or send it elsewhere.
    copy = os.dup(1)
    end(copy, *main(*sys.argv[1:]))
