"""Check the gunicorn settings of an app's own: gunicorn.conf.py in its folder, and the variable GUNICORN_CMD_ARGS.

Argument: the configuration file that the start script names, "" if it names none. gunicorn itself reads the settings, in the
release's environment. If one of them cannot work under a process manager, the last line of
the output is a sentence for the user, and the exit status is 1. Otherwise the output names the settings that the start script
overrides, if there are any.
"""

import contextlib
import io
import os
import re
import sys

REFUSED = {
    "daemon": "gunicorn would go into the background, and the process manager would start it again and again",
    "pidfile": "the process manager knows the process, and two releases run at the same time during a deploy",
    "reload": "it is for development: it restarts workers when files change, and a release never changes",
    "user": "the process manager starts the app as its own user, which cannot become another",
    "group": "the process manager starts the app with its own group, which it cannot change",
    "initgroups": "the app has its groups from the start, and cannot change them",
    "certfile": "nginx has the certificate, and speaks plain HTTP with the app",
    "keyfile": "nginx has the certificate, and speaks plain HTTP with the app",
    "spew": "it prints each line of code that runs, so the log fills the disk",
    "check_config": "gunicorn would end after it",
    "print_config": "gunicorn would end after it",
}
"""Settings that cannot work, and why."""
OVERRIDDEN = {
    "bind": "the release's socket", "workers": "app.workers", "worker_class": "app.worker_class", "timeout": "app.timeout",
    "graceful_timeout": "app.stop_timeout", "loglevel": "app.log_level", "errorlog": "`fab logs`", "chdir": "app.root",
    "wsgi_app": "app.module", "proc_name": "app.name", "worker_tmp_dir": "the memory", "umask": "0007",
    "forwarded_allow_ips": "nginx",
}  # fmt: skip
"""Settings that the start script has, too, which counts: what counts instead."""


def main(file=""):
    """Return a sentence if the app's settings cannot work, else None."""
    sys.path.insert(0, "")
    try:
        from gunicorn.app.wsgiapp import WSGIApplication
        from gunicorn.config import Config
    except ImportError:
        return None
    arguments, sys.argv = sys.argv, ["gunicorn", *(["--config", file] if file else []), "app:app"]
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
            config = WSGIApplication("gunicorn").cfg
            by_variable = vars(config.parser().parse_args(config.get_cmd_args_from_env()))
    except (Exception, SystemExit) as error:
        lines = [line for line in output.getvalue().splitlines() if line.strip()]
        print("\n".join(lines))
        words = lines[-1].strip() if lines else f"{type(error).__name__}: {error}"
        missing = re.fullmatch(r"KeyError: '(\w+)'", words)
        remedy = f". Set the variable {missing[1]} in app.env_file or app.env_command of hosts.toml" if missing else ""
        return f"gunicorn cannot read its settings in {file or 'gunicorn.conf.py'} or GUNICORN_CMD_ARGS: {words}{remedy}"
    finally:
        sys.argv = arguments
    usual = Config().settings
    changed = [name for name, setting in config.settings.items() if name in usual and setting.get() != usual[name].get()]
    places = {name: place(name, file, by_variable) for name in changed}
    wrong = [name for name in REFUSED if name in changed]
    if wrong:
        first = wrong[0]
        others = f" The same holds for {', '.join(wrong[1:])}." if wrong[1:] else ""
        return f"{places[first]} sets gunicorn's {first}, which cannot work here: {REFUSED[first]}.{others} Remove it there"
    for name in changed:
        if name in OVERRIDDEN:
            print(f"{places[name]} sets gunicorn's {name}, which has no effect: {OVERRIDDEN[name]} counts")
    return None


def place(name, file, by_variable):
    """Return where a setting is from. by_variable: the settings in GUNICORN_CMD_ARGS, None for those that it does not have."""
    if by_variable.get(name) is not None:
        where = "app.env_file or the Dockerfile" if os.path.exists("/.selvedge") else "app.env_file"
        return f"The variable GUNICORN_CMD_ARGS (in {where})"
    return file or by_variable.get("config") or "gunicorn.conf.py"


if __name__ == "__main__":
    problem = main(*sys.argv[1:])
    if problem:
        print(problem)
        sys.exit(1)
