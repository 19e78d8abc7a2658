"""The app's virtual environment."""

import selvedge as sv


@sv.step(needs_commit=True)
def venv(app):
    """Install the app's requirements in a virtual environment."""
    release = app.paths.release(app.commit)
    yield sv.Needs(release, "clone")
    yield from sv.build_hook(app, sv.Instance.of(app), "before_build")
    yield sv.Directory(app.paths.venvs, "0750", group=app.name, removable=True)
    yield sv.Venv(
        release=release,
        root=app.root,
        repo=app.paths.repo,
        commit=app.commit,
        venvs=app.paths.venvs,
        cache=app.paths.cache,
        python=sv.interpreter(app),
        uv=sv.UV,
        installer=app.installer,
        requirements=app.requirements,
        extras=sv.app_server(app).packages(app),
        user=app.name,
    )
