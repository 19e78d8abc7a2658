"""The app's virtual environment."""

import selvedge as sv
from selvedge.release import preconditions


@sv.step(needs_commit=True, precondition=preconditions.build)
def venv(app):
    """Install the app's requirements in a virtual environment."""
    release = app.paths.release(app.commit)
    yield sv.Needs(release, "clone")
    yield sv.build_variables(app)
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
        app_python=app.python,
        python_from=app.python_from,
        app_extras=tuple(app.extras),
        app_groups=tuple(app.dependency_groups),
        index_strategy=app.index_strategy or "",
        deploy_key=app.paths.deploy_key,
        git_known_hosts=app.paths.git_known_hosts,
        git_credentials=app.paths.git_credentials,
        build_env=app.paths.build_env,
        variables=sv.build_digest(app),
        asks=sv.asked_python(app),
        pypi_mirror=app.mirrors.pypi_url,
        python_mirror=app.mirrors.python_url,
    )
