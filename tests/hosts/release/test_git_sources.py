"""Repositories that the server fetches from: git, HTTP and SSH, slow and silent servers, submodules and Git LFS."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from drills import QUICK, assert_consistent
from lab import Project, Result, until
from observe import count_execs
from sandbox import Server

SLOW = """
import asyncio

async def copy(reader, writer, seconds):
    while data := await reader.read(65536):
        await asyncio.sleep(seconds)
        writer.write(data)
        await writer.drain()
    writer.close()

async def relay(reader, writer):
    there, to = await asyncio.open_connection("127.0.0.1", 9418)
    await asyncio.gather(copy(reader, to, 0.3), copy(there, writer, 0))

async def main():
    await (await asyncio.start_server(relay, "127.0.0.1", 9419)).serve_forever()

asyncio.run(main())
"""
"""A relay to the git server that delays each packet of a request by 300 ms."""


class TestSources:
    @pytest.fixture(scope="class")
    @staticmethod
    def publish(server: Server, project: Project) -> Callable[[], None]:
        server.run(
            "useradd --create-home --shell /usr/bin/git-shell git && cd /home/git"
            " && runuser -u git -- git init -q --bare app.git && runuser -u git -- mkdir -m 0700 .ssh"
            " && systemd-run -q --unit=git-daemon --uid=git"
            " git daemon --base-path=/home/git --export-all --listen=127.0.0.1 /home/git"
            " && systemd-run -q --unit=git-http --uid=git --working-directory=/home/git"
            " python3 -m http.server --bind 127.0.0.1 8081"
        )

        def push() -> None:
            """Replace the published branches and tags with those of the project's repository."""
            bundle = project.folder.parent / "bundle"
            project.git("bundle", "create", "--quiet", str(bundle), "--all")
            data = base64.b64encode(bundle.read_bytes()).decode()
            server.run(
                f"cd /home/git && echo {data} | base64 -d >app.bundle && chown git: app.bundle && runuser -u git -- "
                "git --git-dir=app.git fetch -q --prune --force app.bundle '+refs/*:refs/*' && "
                "runuser -u git -- git --git-dir=app.git symbolic-ref HEAD refs/heads/main && "
                "runuser -u git -- git --git-dir=app.git update-server-info"
            )

        push()
        return push

    def test_fetch_over_the_git_protocol_and_http(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        for url in ("git://127.0.0.1/app.git", "http://127.0.0.1:8081/app.git"):
            commit = project.commit(f"From {url[:4]}")
            publish()
            project.configure(repository=url, **QUICK)
            result = project.must("-H", server.name, "deploy")
            assert f"fetch the commit {commit[:12]} from {url}" in result.stdout
            assert assert_consistent(server).startswith(commit[:12])
            with count_execs(server) as execs:
                assert "deploy: nothing to change" in project.must("-H", server.name, "setup", "deploy").stdout
            assert execs.count == 2, "one command asks for the commit, one reads the server"

    @pytest.mark.thorough
    def test_force_pushed_and_deleted_branches_tags_and_short_commits(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        project.configure(repository="git://127.0.0.1/app.git", branch="moving", **QUICK)
        project.git("checkout", "--quiet", "-b", "moving")
        project.commit("Before the force-push")
        publish()
        project.must("-H", server.name, "deploy")
        before = assert_consistent(server)
        project.git("reset", "--quiet", "--hard", "main")
        forced = project.commit("After the force-push")
        publish()
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(forced[:12])
        project.must("-H", server.name, "rollback")
        assert assert_consistent(server) == before, "a commit without a branch is kept with its release"
        project.git("checkout", "--quiet", "main")
        project.git("branch", "--quiet", "-D", "moving")
        tagged = project.commit("Tagged")
        project.git("tag", "-a", "-m", "a tag with a note", "v1.0")
        publish()
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "has no branch or tag moving" in result.stderr, result
        assert assert_consistent(server) == before
        project.must("-H", server.name, "deploy", "--commit", "v1.0")
        assert assert_consistent(server).startswith(tagged[:12])
        newest = project.commit("By a short name")
        publish()
        project.must("-H", server.name, "deploy", "--commit", newest[:8])
        assert assert_consistent(server).startswith(newest[:12])
        result = project.fab("-H", server.name, "deploy", "--commit", "v9.9")
        assert result.status == 1 and "has no branch or tag v9.9" in result.stderr, result

    @pytest.mark.usefixtures("publish")
    def test_a_missing_repository(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        for url in ("git://127.0.0.1/none.git", "http://127.0.0.1:8081/none.git", "git://127.0.0.1:9/app.git"):
            project.configure(repository=url, **QUICK)
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and f"could not read main from the repository {url}: " in result.stderr, result
            assert "Check app.repository" in result.stderr
            assert result.seconds < 30
        assert assert_consistent(server) == old

    def test_a_private_repository_over_ssh(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        commit = project.commit("Private")
        publish()
        project.configure(repository="git@127.0.0.1:app.git", **QUICK)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "Deploy keys" in result.stderr, result
        key = re.search(r"^ssh-ed25519 \S+ hello@\S+$", result.stderr, re.MULTILINE)
        assert key, result
        server.run(f"echo '{key[0]}' >>/home/git/.ssh/authorized_keys && chown git: /home/git/.ssh/authorized_keys")
        result = project.must("-H", server.name, "deploy")
        assert "fetch" in result.stdout
        assert assert_consistent(server).startswith(commit[:12])
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        self.check_host_key_of_the_git_server(server, project, publish)

    def check_host_key_of_the_git_server(self, server: Server, project: Project, publish: Callable[[], None]) -> None:
        """Selvedge takes the git server's key from your known_hosts file, and refuses another key."""
        known, old = "/srv/hello/git_known_hosts", assert_consistent(server)
        own = project.home / ".ssh/known_hosts"
        own.parent.mkdir(exist_ok=True)

        def deploy_knowing(key: str) -> Result:
            server.run(f"rm -f {known}")
            own.write_text(f"127.0.0.1 {key}\n")
            result = project.fab("-H", server.name, "deploy")
            assert server.run(f"cat {known}").stdout == own.read_text()
            return result

        commit = project.commit("With another host key")
        publish()
        refused = deploy_knowing("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
        assert refused.status == 1 and "THE HOST KEY OF THE GIT SERVER 127.0.0.1 HAS CHANGED" in refused.stderr, refused
        assert assert_consistent(server) == old
        again = project.fab("-H", server.name, "deploy", "--dry-run")
        assert again.status == 1 and "HAS CHANGED to SHA256:" in again.stderr, again
        done = deploy_knowing(" ".join(server.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[:2]))
        assert done.status == 0 and "copy the host key of 127.0.0.1 from your machine's known_hosts" in done.stdout, done
        assert assert_consistent(server).startswith(commit[:12])
        own.unlink()

    def test_submodules_and_an_app_in_a_subfolder(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        """The app is in app.root, with a submodule whose URL is relative to the repository."""
        server.run(
            "cd /home/git && runuser -u git -- sh -c 'git init -q part && cd part && echo VALUE = 42 >part.py && git add . && "
            "git -c user.name=T -c user.email=t@example.com commit -q -m part && cd .. && git clone -q --bare part part.git'"
        )
        part = server.run("runuser -u git -- git --git-dir=/home/git/part.git rev-parse HEAD").stdout.strip()
        project.git("checkout", "--quiet", "-b", "folder")
        (project.app / "backend").mkdir()
        for name in {name.partition("/")[0] for name in project.git("ls-files").splitlines()}:
            project.git("mv", name, f"backend/{name}")
        main = project.app / "backend/main.py"
        check = "from part import part\n\nassert part.VALUE == 42\n"
        main.write_text(main.read_text().replace("HERE =", f"{check}HERE =", 1))
        (project.app / ".gitmodules").write_text('[submodule "part"]\n\tpath = backend/part\n\turl = ../part.git\n')
        project.git("add", ".gitmodules", "backend/main.py")
        project.git("update-index", "--add", "--cacheinfo", f"160000,{part},backend/part")
        project.git("commit", "--quiet", "-m", "In a folder, with a submodule")
        publish()
        project.configure(repository="git://127.0.0.1/app.git", branch="folder", root="backend", **QUICK)
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(project.head[:12])
        self.check_submodule_of_another_git_server(server, project, publish)
        project.configure(repository="git://127.0.0.1/app.git", branch="folder", root="no/such", **QUICK)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "no/such" in result.stderr, result
        project.git("checkout", "--quiet", "--force", "main")

    def check_submodule_of_another_git_server(self, server: Server, project: Project, publish: Callable[[], None]) -> None:
        """The deploy key counts for it, and its host key is taken at the first contact."""
        modules = project.app / ".gitmodules"
        modules.write_text(modules.read_text().replace("../part.git", "git@localhost:part.git"))
        project.git("add", ".gitmodules")
        project.git("commit", "--quiet", "-m", "With a submodule over SSH")
        publish()
        project.configure(repository="git@127.0.0.1:app.git", branch="folder", root="backend", **QUICK)
        result = project.must("-H", server.name, "deploy")
        assert re.search(r"host key of a submodule's git server: 256 SHA256:\S+ localhost \(ED25519\)", result.stdout), result
        assert assert_consistent(server).startswith(project.head[:12])
        server.run("mv /home/git/.ssh/authorized_keys /home/git/.ssh/hidden")
        project.git("commit", "--quiet", "--allow-empty", "-m", "Again")
        result = project.fab("-H", server.name, "deploy")
        server.run("mv /home/git/.ssh/hidden /home/git/.ssh/authorized_keys")
        assert result.status == 1 and "Permission denied" in result.stderr, result

    @pytest.fixture(scope="class")
    @staticmethod
    def unanswered(server: Server, project: Project) -> subprocess.Popen[str]:
        """Start a deploy from a git server that never answers. It runs while other tests run."""
        server.run("iptables -I INPUT -i lo -p tcp --dport 9420 -j DROP")
        project.configure(**QUICK)
        process = project.start("-H", server.name, "deploy", env={"SELVEDGE_APP__REPOSITORY": "git://127.0.0.1:9420/app.git"})
        until(lambda: ":9420" in server.run("ss -tnH state syn-sent").stdout, 30)
        return process

    @pytest.mark.usefixtures("branch", "unanswered")
    def test_a_large_repository_over_a_slow_connection(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        """The repository has a thousand branches and a file of 10 MB, and each request takes 300 ms longer."""
        commit = project.commit("In a large repository")
        publish()
        server.run(
            f"cat >/srv/slow.py <<'EOF'{SLOW}EOF\nsystemd-run -q --unit=slow --uid=nobody python3 /srv/slow.py\n"
            "cd /home/git/app.git && blob=$(head -c 10000000 /dev/urandom | runuser -u git -- git hash-object -w --stdin) && "
            "tree=$(printf '100644 blob %s\\tlarge\\n' $blob | runuser -u git -- git mktree) && "
            f"top=$(runuser -u git -- git -c user.name=T -c user.email=t@example.com commit-tree -m large -p {commit} $tree) && "
            'for number in $(seq 1000); do echo "create refs/heads/many/$number $top"; done | '
            "runuser -u git -- git update-ref --stdin"
        )
        project.configure(repository="git://127.0.0.1:9419/app.git", branch="drill", **QUICK)
        result = project.must("-H", server.name, "deploy")
        server.run("systemctl stop slow")
        assert result.seconds < 60, result
        assert assert_consistent(server).startswith(commit[:12])
        assert int(server.run("git --git-dir=/srv/hello/repo.git for-each-ref | wc -l").stdout) > 1000

    @pytest.mark.usefixtures("branch")
    def test_git_lfs_files_require_git_lfs_on_the_server(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        """A folder on this machine needs their contents instead."""
        old = assert_consistent(server)

        def pointer(app: Path) -> None:
            (app / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
            (app / "model.bin").write_text(
                f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * 'a'}\nsize 12345\n"
            )

        project.configure(branch="drill", **QUICK)
        commit = project.commit(pointer)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 2 and "The content of model.bin is in Git LFS and not on your machine" in result.stderr, result
        assert f"lfs fetch origin {commit}" in result.stderr
        publish()
        project.configure(repository="git://127.0.0.1/app.git", branch="drill", **QUICK)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and 'Set packages = ["git-lfs"] under [server]' in result.stderr, result
        assert assert_consistent(server) == old

    @pytest.mark.usefixtures("publish")
    def test_git_lfs_files_are_in_the_release(self, server: Server, project: Project) -> None:
        """Debian's package git-lfs enables its filter for every checkout."""
        server.run(
            "apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq git-lfs >/dev/null 2>&1\n"
            "git clone -q --bare git://127.0.0.1/app.git /srv/lfs.git && git clone -q /srv/lfs.git /srv/work && cd /srv/work\n"
            "git lfs track '*.bin' >/dev/null\n"
            "head -c 100000 /dev/urandom >static/large.bin && git add -A && "
            "git -c user.name=T -c user.email=t@example.com commit -q -m large && git push -q origin HEAD:refs/heads/large"
        )
        project.configure(repository="file:///srv/lfs.git", branch="large", **QUICK)
        project.must("-H", server.name, "deploy")
        assert_consistent(server)
        server.run("cmp /srv/work/static/large.bin /srv/hello/current/static/large.bin && [ ! -e /srv/hello/current/.git ]")

    def test_a_shallow_clone_is_pushed(self, server: Server, project: Project, tmp_path: Path) -> None:
        """A CI job often has only the last commit. `fab releases` shows its subject, although its parent is missing."""
        project.commit("Parent")
        commit = project.commit("Shallow")
        project.git("clone", "--quiet", "--depth", "1", f"file://{project.app}", str(tmp_path / "shallow"))
        project.configure(repository=str(tmp_path / "shallow"), **QUICK)
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(commit[:12])
        listed = json.loads(project.must("-H", server.name, "releases", "--json").stdout)[server.name]
        assert listed["releases"][0]["subject"] == project.git("log", "-1", "--format=%s"), listed

    def test_a_git_server_that_does_not_answer(self, server: Server, unanswered: subprocess.Popen[str]) -> None:
        """The run ends after 30 seconds, and names the repository and the branch."""
        old = assert_consistent(server)
        _, stderr = unanswered.communicate(timeout=40)
        sentence = "could not read main from the repository git://127.0.0.1:9420/app.git: no answer within 30 seconds"
        assert unanswered.returncode == 1 and sentence in stderr, stderr
        assert assert_consistent(server) == old
