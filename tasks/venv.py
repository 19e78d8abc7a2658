"""The app's virtual environment."""

from selvedge.task import step
from tasks.hooks import hook


@step(needs_commit=True)
def venv(app):
    """Build the app's virtual environment from its requirements."""
    from selvedge.release.instance import Instance
    from selvedge.resources.files import Directory
    from selvedge.resources.need import Needs
    from selvedge.resources.python import UV, interpreter
    from selvedge.resources.venv import Venv

    release = app.paths.release(app.commit)
    yield Needs(release, "clone")
    yield from hook(app, Instance.of(app), "before_build", builds=True)
    yield Directory(app.paths.venvs, "0750", group=app.name)
    yield Venv(
        release=release,
        root=app.root,
        venvs=app.paths.venvs,
        python=interpreter(app),
        uv=UV,
        installer=app.installer,
        requirements=app.requirements,
        extras=("gunicorn", "uvicorn-worker") if app.worker_class.startswith("uvicorn_worker.") else ("gunicorn",),
        user=app.name,
    )
