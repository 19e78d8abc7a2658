"""What the build of an environment needs beside the list of packages: the project's Python, locks of other tools, variables."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from selvedge.config.dotenv import render_environment
from selvedge.engine.script import call_script
from selvedge.resources.code.hook import BuildHook
from selvedge.resources.code.venv import Venv
from selvedge.resources.files import File
from selvedge.resources.packages import NginxModules, OwnPackages
from selvedge.shell.quoting import words
from tests.hosts.scripts.resources.test_venv import PROGRAMS, builder, built, release

__all__ = ["builder"]
BUILD_ENV = "/etc/selvedge/hello/build.env"
SECRET = "it's \"secret\" $HOME `id`"


def refused(builder: Any, venv: Venv) -> str:
    done = builder.apply(builder.plan(venv))
    assert done.status == 1, done.output
    return str(done.error)


def pyproject(*lines: str) -> str:
    return '[project]\nname = "x"\nversion = "1"\n' + "\n".join(lines) + "\n"


class TestPython:
    """The fake system Python is 3.12.4."""

    def newer(self, builder: Any, version: str) -> None:
        """Put a Python where `python_install` links the one that it installs."""
        minor = ".".join(version.split(".")[:2])
        for name in (version, minor):
            path = builder.path(f"/opt/selvedge/python/{name}/bin/python{minor}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\n{PROGRAMS}echo {version}\n")
            path.chmod(0o755)

    def test_another_python_is_used_if_the_project_asks_for_it(self, builder: Any) -> None:
        self.newer(builder, "3.13.1")
        one = release(builder, "one", requirements_txt="fastapi\n", pyproject_toml=pyproject('requires-python = ">=3.13"'))
        done = builder.apply(builder.plan(one))
        assert done.status == 0, done.output
        why = "the app wants Python >=3.13 (requires-python in pyproject.toml)"
        assert f"{why}, and this server has 3.12.4: using Python 3.13" in done.said
        assert "uv installs requirements.txt for Python 3.13.1" in done.said
        assert not builder.plan(one)

    def test_a_pin_is_followed(self, builder: Any) -> None:
        self.newer(builder, "3.11.9")
        one = release(builder, "one", requirements_txt="fastapi\n")
        (builder.path(one.release) / ".python-version").write_text("3.11\n")
        assert "uv installs requirements.txt for Python 3.11.9" in builder.apply(builder.plan(one)).said

    def test_the_python_of_hosts_toml_may_not_contradict_the_project(self, builder: Any) -> None:
        one = release(builder, "one", requirements_txt="fastapi\n", pyproject_toml=pyproject('requires-python = ">=3.13"'))
        message = refused(builder, replace(one, app_python="3.12"))
        assert message.endswith('sets app.python = "3.12" (3.12.4). Set app.python = "3.13" in hosts.toml, or correct the project.')
        assert built(builder) == []

    def test_a_python_that_the_source_does_not_have_is_refused(self, builder: Any) -> None:
        builder.program("apt-cache", "exit 100")
        builder.program("apt-get", "exit 100")
        builder.program("sleep", "")
        one = release(builder, "one", requirements_txt="fastapi\n", pyproject_toml=pyproject('requires-python = ">=3.13"'))
        message = refused(builder, replace(one, python_from="system"))
        assert "This server's distribution has no package of Python 3.13" in message and "app.python_from" in message
        assert built(builder) == []


def test_extras_and_groups_reach_the_installer(builder: Any) -> None:
    project = pyproject("[project.optional-dependencies]", 'server = ["six"]', "[dependency-groups]", 'prod = ["idna"]')
    names: dict[str, Any] = {"app_extras": ("server",), "app_groups": ("prod",)}
    one = replace(release(builder, "one", pyproject_toml=project), **names)
    builder.make(one)
    assert "--requirement pyproject.toml --extra server --group prod" in " ".join(built(builder))
    assert builder.plan(replace(one, app_extras=())), "other extras need another environment"
    builder.make(replace(release(builder, "two", pyproject_toml=project, uv_lock=""), **names))
    assert "export --frozen --no-dev --extra server --group prod " in " ".join(built(builder))
    named = replace(release(builder, "three", pyproject_toml=project), app_extras=("nosuch",))
    assert refused(builder, named).startswith("The project has no extra nosuch. It has server.")


def test_the_modules_of_extras_are_listed_for_the_gate(builder: Any) -> None:
    project = pyproject("[project.optional-dependencies]", 'server = ["PyYAML"]')
    builder.make(release(builder, "one", pyproject_toml=project))
    venv = builder.path("/srv/hello/venvs") / builder.path("/srv/hello/releases/one/.venv").readlink().name
    assert "yaml\tapp.extras = [\"server\"]\n" in (venv / "selvedge-modules").read_text()
    assert (venv / "selvedge-modules").stat().st_mode & 0o777 == 0o640


POETRY = """
for last; do :; done
case $* in
  *--output*) while [ "$1" != --output ]; do shift; done
    echo "$*" >>/srv/uv.log
    printf 'fastapi==0.115.0 --hash=sha256:00\\ncommon @ file:///x\\n' >"$2" ;;
esac
"""


@pytest.mark.parametrize("name", ["poetry", "pdm"])
def test_the_program_of_a_lock_exports_it(builder: Any, name: str) -> None:
    tools = builder.path(f"/var/cache/selvedge/daemon/tools/{name}")
    (tools / "bin").mkdir(parents=True)
    (tools / f"bin/{name}").write_text(f"#!/bin/sh\n{POETRY}")
    (tools / f"bin/{name}").chmod(0o755)
    wanted = {"poetry": "poetry>=2,<3 poetry-plugin-export>=1.9,<2", "pdm": "pdm[locked]>=2.18,<3"}
    (tools / ".requirement").write_text(f"{wanted[name]}\n")
    lock = {f"{name}_lock": '[metadata]\ngroups = ["default", "prod"]\n'}
    one = release(builder, "one", pyproject_toml=pyproject("[dependency-groups]", 'prod = ["six"]'), **lock)
    builder.make(replace(one, app_groups=("prod",)))
    rows = built(builder)
    assert any("pip install" in row and "--requirement WORK/requirements.txt" in row for row in rows), rows
    exported = [row for row in rows if row.startswith("--output")]
    assert exported[0].startswith("--output WORK/requirements.txt")
    if name == "poetry":
        assert exported == ["--output WORK/requirements.txt --with prod"]


def test_the_packages_of_a_pipfile_lock_are_installed(builder: Any) -> None:
    data = {"_meta": {}, "default": {"fastapi": {"version": "==0.115.0"}}, "develop": {"toml": {"version": "==1"}}}
    one = release(builder, "one", main_py="")
    (builder.path(one.release) / "Pipfile.lock").write_text(json.dumps(data))
    builder.program("uv", "case \"$*\" in *'install '*requirements.txt) cat \"$6\" >>/srv/uv.log ;; esac\n" + UV_VENV)
    builder.make(one)
    assert built(builder) == ["fastapi==0.115.0"]


# The part of a fake uv that makes an environment.
UV_VENV = """case $1 in venv)
  for fresh; do :; done
  mkdir -p "$fresh/bin"
  printf '#!/bin/sh\\nexit 0\\n' >"$fresh/bin/python"
  chmod 0755 "$fresh/bin/python" ;;
esac"""
# The index, as uv would use it: its output has the variable's value, and another process sees the command lines meanwhile.
UV_WITH_TOKEN = """printf '%s' "$OWN_TOKEN" >>/srv/token
cat /proc/$PPID/cmdline /proc/self/cmdline >>/srv/commands
echo "certificates: $SSL_CERT_FILE $PIP_CERT" >>/srv/uv.log
case $1 in pip) echo "error: no login $OWN_TOKEN (401 Unauthorized)"; exit 1 ;; esac
""" + UV_VENV


class TestBuildVariables:
    @pytest.fixture
    def variables(self, builder: Any) -> Any:
        text = render_environment({"OWN_TOKEN": SecretStr(SECRET), "OTHER": SecretStr("a\nb")})
        builder.make(File(BUILD_ENV, text, "0600", secret=True))
        for name in ("token", "commands"):
            builder.path(f"/srv/{name}").touch()
            builder.path(f"/srv/{name}").chmod(0o666)
        return builder

    def test_only_the_installer_gets_them_and_no_one_sees_them(self, variables: Any) -> None:
        variables.program("uv", UV_WITH_TOKEN)
        venv = replace(release(variables, "one", requirements_txt="fastapi\n"), build_env=BUILD_ENV)
        done = variables.apply(variables.plan(venv))
        assert set(variables.path("/srv/token").read_text().split(SECRET)) == {""}, "the installer got another value"
        assert "secret" not in done.output and "secret" not in variables.path("/srv/commands").read_text()
        assert "secret" not in variables.path("/var/log/selvedge/hello.log").read_text()
        assert done.error == "Could not install the requirements in requirements.txt: no login ••• (401 Unauthorized)"
        assert "remedy Put the index's login into a dotenv file and name it with app.build_env_file" in done.output

    def test_without_the_file_nothing_is_set(self, variables: Any) -> None:
        variables.program("uv", UV_WITH_TOKEN)
        variables.path(BUILD_ENV).unlink()
        refused(variables, replace(release(variables, "one", requirements_txt="fastapi\n"), build_env=BUILD_ENV))
        assert variables.path("/srv/token").read_text() == ""

    def test_the_hook_before_the_build_gets_them_and_hides_them(self, variables: Any) -> None:
        release(variables, "one", main_py="")
        base = "/srv/hello/releases/one"
        command = 'echo "got: $OWN_TOKEN"; test "$OTHER" = "$(printf \'a\\nb\')" && test "$RELEASE" = r'
        named = (("RELEASE", "r"),)
        hook = BuildHook("before_build", (command,), f"{base}/.mark", "daemon", "", base, base, "/srv/hello/live.sock", named)
        done = variables.apply(variables.plan(replace(hook, build_env=BUILD_ENV)))
        assert done.status == 0, done.output
        assert "got: •••" in done.output and "secret" not in done.output.replace(command, "")
        failing = replace(hook, commands=("exit 3",), mark=f"{base}/.other", build_env=BUILD_ENV)
        assert "(exit status 3): exit 3" in variables.apply(variables.plan(failing)).error

    def test_the_systems_certificates_are_used(self, builder: Any) -> None:
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        builder.path(bundle).parent.mkdir(parents=True)
        builder.path(bundle).write_text("x\n")
        for name in ("token", "commands"):
            builder.path(f"/srv/{name}").touch()
            builder.path(f"/srv/{name}").chmod(0o666)
        builder.program("uv", UV_WITH_TOKEN)
        refused(builder, release(builder, "one", requirements_txt="fastapi\n"))
        assert f"certificates: {bundle} {bundle}" in builder.path("/srv/uv.log").read_text()


def test_the_index_strategy_reaches_uv(builder: Any) -> None:
    builder.program("uv", "echo \"strategy: $UV_INDEX_STRATEGY\" >>/srv/uv.log\n" + UV_VENV)
    builder.make(replace(release(builder, "one", requirements_txt="fastapi\n"), index_strategy="unsafe-best-match"))
    assert set(built(builder)) == {"strategy: unsafe-best-match"}


def test_the_app_server_comes_from_the_indexes_of_the_requirements(builder: Any) -> None:
    seen = 'case "$*" in *selvedge-indexes.txt*) cat "$8" >>/srv/uv.log ;; esac\n'
    builder.program("uv", seen + UV_VENV.replace("exit 0", "case $* in *find_spec*gunicorn*) exit 1 ;; esac"))
    more = {"base_txt": "--extra-index-url https://b.test/simple\n"}
    builder.make(release(builder, "one", requirements_txt="-r base.txt\n--index-url https://a.test/simple\nfastapi\n", **more))
    assert built(builder) == ["--extra-index-url https://b.test/simple", "--index-url https://a.test/simple"]


class TestGitKey:
    @pytest.fixture
    def agent(self, builder: Any) -> Any:
        """A uv that lists the keys of the agent, and tries to read the deploy key."""
        looks = ("ssh-add -l", 'echo "$GIT_SSH_COMMAND"', "cat /srv/hello/deploy_key")
        builder.program("uv", "".join(f"{look} >>/srv/uv.log 2>&1\n" for look in looks) + UV_VENV)
        builder.path("/srv/hello/git_known_hosts").write_text("a.test ssh-ed25519 AAAA\n")
        return builder

    def venv(self, agent: Any, name: str, requirements: str) -> Venv:
        found = release(agent, name, requirements_txt=requirements)
        return replace(found, deploy_key="/srv/hello/deploy_key", git_known_hosts="/srv/hello/git_known_hosts")

    def test_an_agent_answers_for_the_key_during_the_build(self, agent: Any) -> None:
        agent.make(self.venv(agent, "one", "x @ git+ssh://git@a.test/x.git\n"))
        rows = agent.path("/srv/uv.log").read_text()
        assert "(ED25519)" in rows and "-o StrictHostKeyChecking=accept-new" in rows
        assert "PRIVATE KEY" not in rows
        assert agent.path("/srv/hello/deploy_key").stat().st_mode & 0o777 == 0o600
        assert "a.test ssh-ed25519 AAAA" in agent.path("/var/cache/selvedge/daemon/known_hosts").read_text()
        assert not list(agent.path("/var/cache/selvedge/daemon").glob("agent.*"))

    def test_other_builds_have_none(self, agent: Any) -> None:
        agent.make(self.venv(agent, "one", "fastapi\n"))
        assert "ED25519" not in agent.path("/srv/uv.log").read_text()
        assert not agent.path("/srv/hello/deploy_key").exists()


class TestPackages:
    @pytest.fixture
    def distribution(self, server: Any) -> Any:
        """A distribution with the packages libgl1 and libglib2.0-0t64, which provides libglib2.0-0."""
        server.program("apt-cache", """
for last; do :; done
case $1:$last in
  show:libgl1 | show:libglib2.0-0t64 | show:libpq5 | show:libxml2 | show:libmagic1t64) echo Package: x ;;
  showpkg:libglib2.0-0) printf 'Package: x\\nReverse Provides: \\nlibglib2.0-0t64 2.80 (= 2.80)\\n' ;;
  show:*) exit 100 ;;
esac""")
        server.program("dpkg-query", "cat /srv/installed 2>/dev/null || true")
        server.program("apt-get", 'case $* in *" install "*) for last; do :; done; echo "$last installed" >>/srv/installed ;; esac')
        server.program("dpkg", "exit 0")
        return server

    def test_a_package_is_installed_once(self, distribution: Any) -> None:
        assert distribution.make(OwnPackages("libgl1"))

    def test_modules_of_nginx_that_the_distribution_lacks_or_that_do_not_fit(self, distribution: Any) -> None:
        assert distribution.make(NginxModules("brotli", "libgl1"))
        done = distribution.apply(distribution.plan(NginxModules("brotli", "nosuch")))
        lacks = "This server's distribution has no package nosuch. Delete brotli from [nginx] in hosts.toml."
        assert done.error == lacks
        distribution.program("apt-get", 'case $* in -s*) echo "E: Unable to correct problems." >&2; exit 100 ;; esac')
        error = distribution.apply(distribution.plan(NginxModules("brotli", "libpq5"))).error
        assert error.startswith("The packages libpq5 do not fit the nginx of this server") and "Unable to correct problems" in error

    def test_an_unknown_package_is_refused(self, distribution: Any) -> None:
        done = distribution.apply(distribution.plan(OwnPackages("libgl1", "nosuch")))
        assert done.error == "This server's distribution has no package nosuch (server.packages)."
        virtual = distribution.apply(distribution.plan(OwnPackages("libglib2.0-0"))).error
        assert virtual.endswith("but these packages provide it: libglib2.0-0t64. Name one of them in server.packages.")

    @pytest.mark.parametrize(
        ("sentence", "remedy"),
        [
            ("ImportError: libGL.so.1: cannot open shared object file: No such file", 'server.packages = ["libgl1"]'),
            ("OSError: libpq.so.5: cannot open shared object file", 'server.packages = ["libpq5"]'),
            ("libxml2.so.2: cannot open shared object file", 'server.packages = ["libxml2"]'),
            ("OSError: cannot load library 'libgobject-2.0-0': error", 'server.packages = ["libglib2.0-0t64"]'),
            ("ImportError: libmagic.so.1: cannot open shared object file", 'server.packages = ["libmagic1t64"]'),
            ("libnosuch.so.9: cannot open shared object file", "apt-file search libnosuch.so.9"),
            ("ModuleNotFoundError: No module named 'psycopg'", 'set app.extras = ["server"] in hosts.toml'),
            ("ModuleNotFoundError: No module named 'MySQLdb.x'", 'set app.extras = ["my"] in hosts.toml'),
            ("ModuleNotFoundError: No module named 'other'", ""),
            ("The app cannot be imported: ValueError", ""),
        ],
    )
    def test_what_is_missing_is_named_with_the_setting(self, distribution: Any, sentence: str, remedy: str) -> None:
        modules = distribution.path("/srv/hello/releases/0123/.venv/selvedge-modules")
        modules.parent.mkdir(parents=True)
        modules.write_text('psycopg\tapp.extras = ["server"]\nmysqldb\tapp.extras = ["my"]\n')
        shell = f"base=/srv/hello new=0123-ab\nhint_for {words('nothing here', sentence)}"
        hint = distribution.run(call_script(shell)).stdout.decode()
        assert remedy in hint and bool(remedy) == bool(hint), hint

    @pytest.mark.parametrize(
        ("facts", "sentence", "remedy"),
        [
            ("module app.main:app", "No module named 'main'", 'set module = "app.main:app" under [app]'),
            ("", "No module named 'main'", "check .dockerignore"),
            ("", "No module named 'psycopg'", ""),
            ("", "ImportError: libpq.so.5: cannot open shared object file", "install libpq5 in the Dockerfile"),
        ],
    )
    def test_what_is_missing_in_an_image_is_mended_in_the_dockerfile(
        self, distribution: Any, facts: str, sentence: str, remedy: str
    ) -> None:
        for path, text in {"instances/0123-ab/container": "", "images/0123.has": f"{facts}\n"}.items():
            distribution.path(f"/srv/hello/{path}").parent.mkdir(parents=True)
            distribution.path(f"/srv/hello/{path}").write_text(text)
        shell = f"base=/srv/hello new=0123-ab module=main:app\nhint_for {words(sentence)}"
        hint = distribution.run(call_script(shell)).stdout.decode()
        assert remedy in hint and bool(remedy) == bool(hint), hint
