"""Pythons and tools in environments of their own."""

from __future__ import annotations

import pytest

from selvedge.resources.code.python import UV_REQUIREMENT, Python
from selvedge.resources.code.tools import Tool


class TestTool:
    """uv by pip. A fake python3 makes an environment whose pip writes the tool."""

    PIP = 'printf "%s\\n" "$*" >>/opt/calls; printf "#!/bin/sh\\n" >"${0%/*}/uv"; chmod +x "${0%/*}/uv"'

    @pytest.fixture
    def python(self, server):
        def make(pip=self.PIP):
            body = f"""
case $1 in -c) exit 0 ;; esac
for last; do :; done
rm -rf $last
mkdir -p $last/bin
cat >$last/bin/python <<'END'
#!/bin/sh
{pip}
END
chmod +x $last/bin/python"""
            server.program("python3", body)

        make()
        return make

    def test_a_tool_is_installed_once(self, server, python):  # noqa: ARG002
        assert server.make(Tool("uv", UV_REQUIREMENT))
        assert not server.make(Tool("uv", UV_REQUIREMENT))
        assert server.path("/opt/calls").read_text().count(UV_REQUIREMENT) == 1

    def test_another_requirement_installs_a_tool_again(self, server, python):  # noqa: ARG002
        server.make(Tool("uv", UV_REQUIREMENT))
        assert server.make(Tool("uv", "uv==9.9"))

    def test_a_failed_installation_is_repeated(self, server, python):
        python(f"{self.PIP}; echo 'ERROR: No matching distribution' >&2; exit 1")
        done = server.apply(server.plan(Tool("uv", UV_REQUIREMENT)))
        assert (done.status, done.error) == (1, f"pip could not install {UV_REQUIREMENT} on the server: No matching distribution.")
        assert server.path("/opt/selvedge/uv/bin/uv").exists()
        python()
        assert server.make(Tool("uv", UV_REQUIREMENT))


class TestPython:
    """The sources of a Python, with fakes of apt, uv and the interpreters."""

    UV = """
echo "$UV_PYTHON_INSTALL_DIR $*" >>/opt/calls
place=$UV_PYTHON_INSTALL_DIR/cpython-3.12.4-linux-x86_64-gnu
case "$*" in
  "python install "*)
    mkdir -p "$place/bin" "$place/lib/python3.12/ensurepip"
    : >"$place/lib/python3.12/ensurepip/__init__.py"
    printf '#!/bin/sh\\necho 3.12.4\\n' >"$place/bin/python3.12"
    chmod +x "$place/bin/python3.12"
    ;;
  "python find "*) echo "$place/bin/python3.12" ;;
esac"""

    @pytest.fixture(autouse=True)
    def programs(self, server):
        for name in ("apt-get", "dpkg", "add-apt-repository"):
            server.program(name, f'echo "{name} $*" >>/opt/calls')
        server.program("apt-cache", "exit 100")
        uv = server.path("/opt/selvedge/uv/bin/uv")
        uv.parent.mkdir(parents=True)
        uv.write_text(f"#!/bin/sh{self.UV}\n")
        uv.chmod(0o755)
        server.path("/opt/selvedge/uv/.requirement").write_text(f"{UV_REQUIREMENT}\n")
        server.path("/etc/os-release").unlink(missing_ok=True)
        server.path("/etc/os-release").write_text("ID=debian\n")

    @staticmethod
    def calls(server):
        calls = server.path("/opt/calls")
        return calls.read_text() if calls.exists() else ""

    @pytest.mark.parametrize("version", ["3.12", "3.12.4"])
    def test_auto_uses_uv_for_versions_that_debian_lacks(self, server, version):
        assert server.make(Python(version))
        link = server.path(f"/opt/selvedge/python/{version}")
        assert str(link.readlink()) == "/opt/selvedge/pythons/uv/cpython-3.12.4-linux-x86_64-gnu"
        assert f"python install --no-bin {version}\n" in self.calls(server)
        assert not server.make(Python(version))

    def test_another_patch_version_is_refused(self, server):
        done = server.apply(server.plan(Python("3.12.9")))
        assert done.status == 1
        assert done.error.endswith("bin/python3.12 is Python 3.12.4.")
        assert not server.path("/opt/selvedge/python/3.12.9").is_symlink()

    def test_on_ubuntu_deadsnakes_comes_before_uv(self, server):
        server.path("/etc/os-release").write_text("ID=ubuntu\n")
        server.make(Python("3.12"))
        calls = self.calls(server)
        assert calls.index("add-apt-repository --yes --no-update ppa:deadsnakes/ppa") < calls.index("python install")

    def test_deadsnakes_is_refused_elsewhere(self, server):
        done = server.apply(server.plan(Python("3.12", "deadsnakes")))
        assert done.error == 'deadsnakes has packages for Ubuntu only. Set app.python_from to "auto" or "uv" in hosts.toml.'
        assert "add-apt-repository" not in self.calls(server)

    def test_a_version_that_the_system_lacks_is_refused(self, server):
        done = server.apply(server.plan(Python("3.12", "system")))
        assert "This server's distribution has no package of Python 3.12" in done.error
        assert "python install" not in self.calls(server)

    def test_a_similar_version_of_the_system_is_refused(self, server):
        server.program("apt-cache", "case $1 in policy) echo '  Candidate: 3.11.20-1' ;; esac")
        assert "has no package of Python 3.11.2 " in server.apply(server.plan(Python("3.11.2", "system"))).error

    def test_a_uv_that_is_too_old_is_replaced_first(self, server):
        server.path("/opt/selvedge/uv/.requirement").write_text("uv>=0.1\n")
        server.program("python3", "case $1 in -c) exit 0 ;; esac\nexit 3")
        assert server.apply(server.plan(Python("3.12", "uv"))).status == 1
        assert "python install" not in self.calls(server)

    def test_an_unreachable_pyenv_is_named_by_its_address(self, server):
        server.program("git", "echo 'fatal: unable to access it: Could not resolve host: github.com' >&2; exit 128")
        done = server.apply(server.plan(Python("3.12", "pyenv")))
        assert done.error == (
            "git could not fetch pyenv from https://github.com/pyenv/pyenv.git: fatal: unable to access it: Could not resolve "
            'host: github.com. Check that the server can reach it, or set app.python_from to "uv" in hosts.toml.'
        )

    def test_pyenv_builds_the_newest_patch_version_once(self, server):
        server.program("git", """
for last; do :; done
mkdir -p $last/bin $last/plugins/python-build/bin $last/.git
printf '#!/bin/sh\\necho 3.12.4\\n' >$last/bin/pyenv
cat >$last/plugins/python-build/bin/python-build <<'END'
#!/bin/sh
echo "build $1" >>/opt/calls
mkdir -p $2/bin $2/lib/python3.12/ensurepip
: >$2/lib/python3.12/ensurepip/__init__.py
printf '#!/bin/sh\\necho 3.12.4\\n' >$2/bin/python3.12
chmod +x $2/bin/python3.12
END
chmod +x $last/bin/pyenv $last/plugins/python-build/bin/python-build""")
        assert server.make(Python("3.12", "pyenv"))
        assert str(server.path("/opt/selvedge/python/3.12").readlink()) == "/opt/selvedge/pythons/pyenv/3.12.4"
        assert self.calls(server).count("build 3.12.4") == 1
        assert not server.make(Python("3.12", "pyenv"))
