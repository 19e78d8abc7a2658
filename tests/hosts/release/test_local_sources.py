"""What releases take from the user's machine besides a commit: built folders, submodules, files in Git LFS."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from drills import QUICK, assert_consistent
from lab import Project
from sandbox import Server

BUILD = "local: mkdir -p ../hello/web/dist && echo \"$COMMIT $TITLE\" >../hello/web/dist/index.html && echo built >>builds"
"""Like `npm run build`: what it makes depends on the commit, and on a variable of its own."""


def page(server: Server) -> str:
    return server.run("cat /srv/hello/current/web/dist/index.html").stdout.strip()


class TestLocalSources:
    def configure(self, project: Project, **app: object) -> None:
        project.configure(f"[hooks]\nbefore_build = '''{BUILD}'''\n", **QUICK | {"carry": ["web/dist"]} | app)

    def builds(self, project: Project) -> int:
        return len((project.folder / "builds").read_text().splitlines())

    def test_a_folder_that_a_hook_builds_is_part_of_the_release(self, server: Server, project: Project) -> None:
        first = project.commit(lambda app: (app / ".gitignore").write_text("dist/\n"))
        self.configure(project)
        dry = project.must("-H", server.name, "deploy", "--dry-run")
        assert "the hook before_build makes the folders of app.carry on your machine first" in dry.stdout, dry
        assert not (project.app / "web").exists()
        result = project.must("-H", server.name, "deploy", env={"TITLE": "one"})
        assert re.search(r"carry web/dist \(1 file, 0\.0 kB\)", result.stdout), result
        one = assert_consistent(server)
        assert re.fullmatch(rf"{first[:12]}-[0-9a-f]{{6}}-[0-9a-f]{{6}}", one) and page(server) == f"{first} one"
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        assert self.builds(project) == 1, "the folder is what the release has"

        (project.app / "web/dist/index.html").write_text("by hand")
        project.must("-H", server.name, "deploy", env={"TITLE": "two"})
        two = assert_consistent(server)
        assert two[:12] == one[:12] and two != one and page(server) == f"{first} two"
        project.must("-H", server.name, "restart")
        assert assert_consistent(server).startswith(two) and page(server) == f"{first} two"
        project.must("-H", server.name, "rollback")
        assert assert_consistent(server) == one and page(server) == f"{first} one"
        listed = project.must("-H", server.name, "releases").stdout
        assert one in listed and two in listed and first[:12] in listed

        second = project.commit("Another commit")
        project.must("-H", server.name, "deploy", env={"TITLE": "three"})
        assert page(server) == f"{second} three" and self.builds(project) == 3
        server.run("test \"$(stat -c '%U %a' /srv/hello/current/web/dist/index.html)\" = 'root 640'")

    def test_a_folder_without_a_hook_is_carried_to_a_release_of_a_remote_repository(
        self, server: Server, project: Project
    ) -> None:
        """It begins at the folder of hosts.toml then."""
        old = assert_consistent(server)
        server.run("rm -rf /srv/elsewhere.git && cp -a /srv/hello/repo.git /srv/elsewhere.git")
        commit = project.git("rev-parse", "HEAD")
        server.run(f"git --git-dir=/srv/elsewhere.git update-ref refs/heads/main {commit}")
        project.configure(repository="file:///srv/elsewhere.git", carry=["front/dist"], **QUICK)
        refused = project.fab("-H", server.name, "deploy")
        assert refused.status == 2 and "front/dist does not exist" in refused.stderr, refused
        assert "local: npm run build" in refused.stderr and assert_consistent(server) == old
        dist = project.folder / "front/dist"
        dist.mkdir(parents=True)
        (dist / "app.js").write_text("1;\n")
        (dist / ".env").write_text("KEY=hunter2\n")
        result = project.must("-H", server.name, "deploy")
        assert "carry front/dist (1 file, 0.0 kB; left out: front/dist/.env)" in result.stdout, result
        server.run("cd /srv/hello/current/front/dist && test -e app.js && test ! -e .env")
        live = assert_consistent(server)
        (dist / "app.js").write_text("2;\n")
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server) != live
        assert server.run("cat /srv/hello/current/front/dist/app.js").stdout == "2;\n"

    def test_submodules_and_files_of_git_lfs_are_pushed(self, server: Server, project: Project, tmp_path: Path) -> None:
        """The server reaches neither, and has no git-lfs."""
        library = tmp_path / "library"
        library.mkdir()
        project.git("init", "-q", "-b", "main", cwd=library)
        (library / "part.py").write_text("VALUE = 42\n")
        project.git("add", ".", cwd=library)
        project.git("commit", "-q", "-m", "part", cwd=library)
        content = os.urandom(6_000_000)
        oid = hashlib.sha256(content).hexdigest()

        def change(app: Path) -> None:
            project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "--", str(library), "part")
            (app / ".gitmodules").write_text('[submodule "part"]\n\tpath = part\n\turl = git@unreachable.test:me/part.git\n')
            main = app / "main.py"
            check = "from part import part\n\nassert part.VALUE == 42\n"
            main.write_text(main.read_text().replace("HERE =", f"{check}HERE =", 1))
            (app / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
            (app / "model.bin").write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n")
            stored = app / ".git/lfs/objects" / oid[:2] / oid[2:4]
            stored.mkdir(parents=True)
            (stored / oid).write_bytes(content)

        project.configure(**QUICK)
        commit = project.commit(change)
        server.run("! command -v git-lfs")
        result = project.must("-H", server.name, "deploy")
        assert "of the submodule part from" in result.stdout and "push 1 file of Git LFS (6.0 MB)" in result.stdout, result
        assert "BUG" not in result.stdout + result.stderr
        assert assert_consistent(server).startswith(commit[:12])
        assert server.run("sha256sum </srv/hello/current/model.bin").stdout.split()[0] == oid
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        project.git("submodule", "deinit", "-q", "-f", "part")
        modules = (project.app / ".git/modules").rename(project.app / ".git/hidden")
        refused = project.fab("-H", server.name, "deploy")
        modules.rename(project.app / ".git/modules")
        assert refused.status == 2 and "The submodule part of" in refused.stderr, refused
        assert "submodule update --init" in refused.stderr
