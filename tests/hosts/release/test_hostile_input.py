"""Dangerous input: values with shell syntax, links out of the repository, and shared temporary folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dotenv import dotenv_values

from drills import configure, deploy, insert
from lab import Project
from sandbox import Server
from traffic import get

HOSTILE = {
    "H_NEWLINE": "two\nlines\n", "H_QUOTES": "'\"` '' \"\"", "H_DOLLAR": "$HOME ${HOME} $(id) `id` $$", "H_PERCENT": "1% %h %%s",
    "H_SEMICOLON": "; touch /tmp/pwned #",
    "H_BACKSLASH": "\\n \\\\ \\0 \\", "H_CJK": "\u6570\u636e\u5e93 \u5bc6\u7801",
    "H_SPACES": "  padded  ", "H_TAB": "a\tb", "H_EMPTY": "", "H_HASH": "#no comment", "H_EQUALS": "a=b=c", "H_BANG": "!x ^y ~z *",
    "H_RETURN": "a\rb", "H_PICTURE": "\U0001f9f5", "H_LONG": 5000 * "x", "H_SIGNS": "a&b|c<d>(e)[f]", "H_BELL": "a\x07\x1b[31mb",
}  # fmt: skip
PLAIN = ('H_CRLF="a\nb"\n', "ENV=production\n", "UID=7\n", "BASH_ENV=/nonexistent\n", "PYTHONPATH=/evil\n", "PWD=/evil\n")
ENVIRON = """@app.get("/environ")
def environ():
    import os
    return {name: value for name, value in os.environ.items() if name[:2] == "H_"}


"""


@pytest.mark.usefixtures("branch")
class TestHostileInput:
    @pytest.mark.parametrize("manager", ["supervisor", "systemd"])
    def test_special_characters_in_values_reach_the_app_unchanged(self, server: Server, project: Project, manager: str) -> None:
        signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
        lines = [f'{name}="{"".join(signs.get(char, char) for char in value)}"\n' for name, value in HOSTILE.items()]
        file = project.folder / "hostile.env"
        file.write_text("".join(lines))
        assert dotenv_values(file, interpolate=False) == HOSTILE
        # A file of Windows, in which a quoted value has a line break, and names that shells and Python know.
        file.write_bytes(b"\xef\xbb\xbf" + b"".join(line.encode() for line in (*lines, *PLAIN)).replace(b"\n", b"\r\n"))
        configure(project, env_file="hostile.env", manager=manager)
        project.commit(insert('@app.get("/client")', ENVIRON))
        deploy(server, project)
        assert json.loads(get(f"{server.url}/environ").text) == HOSTILE | {"H_CRLF": "a\r\nb"}
        assert server.run("ls -d /tmp/pwned 2>&1", check=False).returncode != 0

    def test_root_does_not_follow_links_of_the_repository(self, server: Server, project: Project) -> None:
        links = {
            "__pycache__": "/root/bait",
            "secret.py": "/root/secret.py",
            "up": "../../..",
            "shadow": "/etc/shadow",
            "out": "/etc",
        }
        server.run("mkdir -p /root/bait/below && chmod 0755 /root/bait && echo 'TOKEN = \"c4nary-link\"' >/root/secret.py")
        look = "cd /; find /root /etc /srv -xdev -maxdepth 1 -printf '%p %m %u %g\\n' | sort; find /root/bait -printf '%p %m\\n'"
        before = server.run(look).stdout

        def plant(app: Path) -> None:
            for name, to in links.items():
                (app / name).symlink_to(to)
            project.git("add", "--force", *links)

        project.commit(plant)
        configure(project, '[hooks]\nafter_build = "true"\n')
        deploy(server, project)
        assert server.run(look).stdout == before
        assert server.run("grep -rlE c4nary-link /srv/hello /var/log || true").stdout == ""
        for text in ("", '[hooks]\nbefore_build = "true"\n'):
            configure(project, text, root="out")
            project.commit("Its folder is a link")
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and "a symbolic link that leads out of the repository" in result.stderr, result
        assert server.run(look).stdout == before

    def test_temporary_folders_are_not_used(self, server: Server, project: Project) -> None:
        """Other users could place links there. Both folders are read-only here, even for root."""
        places = ("/tmp", "/var/tmp")
        with (project.app / "requirements.txt").open("a") as requirements:
            requirements.write("itsdangerous\n")
        project.commit("With a new environment")
        server.run("\n".join(f"mount -t tmpfs -o ro tmpfs {place}" for place in places))
        try:
            deploy(server, project)
        finally:
            server.run("\n".join(f"umount {place}" for place in places))
