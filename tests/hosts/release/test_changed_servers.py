"""Servers that somebody else has changed: edited or removed files, other sites and programs, packages that are missing."""

from __future__ import annotations

import pytest

from drills import GENTLE, QUICK, assert_whole, live
from lab import Project
from sandbox import Server
from traffic import get, load


class TestChangedServers:
    def test_program_file_that_was_edited_or_removed_is_written_again(self, server: Server, project: Project) -> None:
        """Foreign files beside it stay."""
        project.configure(**QUICK)
        project.must("-H", server.name, "deploy")
        assert_whole(server)
        file = "/etc/supervisor/conf.d/hello.conf"
        server.run("printf '[program:other]\\ncommand=/bin/sleep 1000\\n' >/etc/supervisor/conf.d/other.conf")
        for edit in (f"rm {file}", f"sed -i 's/^autostart=.*/autostart=false/' {file}"):
            written_again(server, project, edit)
        assert "sleep 1000" in server.run("cat /etc/supervisor/conf.d/other.conf").stdout
        assert "autostart=false" in server.run(f"cat /var/backups/selvedge{file}.*").stdout

    def test_old_release_ends_though_its_program_file_was_removed(self, server: Server, project: Project) -> None:
        """Supervisor still has the program, and would start it again."""
        commit = project.commit("Without a file")
        server.run("rm /etc/supervisor/conf.d/hello.conf")
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            project.must("-H", server.name, "deploy")
        assert traffic.lost == 0, traffic
        assert assert_whole(server).startswith(commit[:12])

    @pytest.mark.usefixtures("branch")
    def test_edits_by_hand_are_shown_and_kept_and_what_is_not_ours_stays(self, server: Server, project: Project) -> None:
        site, other = "/etc/nginx/sites-available/hello", "/etc/nginx/sites-enabled/other"
        sshd = server.run("ls /etc/ssh/sshd_config.d/*selvedge*").stdout.strip()
        keys = "/home/deploy/.ssh/authorized_keys"
        server.run(
            f"cp {site} /root/site; cp {sshd} /root/sshd; echo '# by hand' | tee -a {site} >>{sshd}\n"
            f"echo 'server {{ listen 80; server_name other.test; return 204; }}' >{other}\n"
            f"ssh-keygen -q -t ed25519 -N '' -C somebody@else -f /root/foreign && cat /root/foreign.pub >>{keys}"
        )
        for task, file, ours in (("nginx", site, "/root/site"), ("harden", sshd, "/root/sshd")):
            result = project.must("-H", server.name, task)
            assert "-# by hand" in [line.strip() for line in result.stdout.splitlines()], result
            assert (
                server.run(f"cmp {file} {ours} && tail -n 1 $(ls /var/backups/selvedge{file}.* | tail -n 1)").stdout
                == "# by hand\n"
            )
        assert server.run("stat -c '%a %U' /var/backups/selvedge").stdout == "700 root\n"
        assert server.run(f"grep -c somebody@else {keys}; rm /root/foreign*").stdout == "1\n"
        assert get(f"{server.url}/", {"Host": "other.test"}).status == 204
        server.run(f"rm {other} && nginx -s reload")

    def test_broken_file_of_another_site(self, server: Server, project: Project) -> None:
        other = "/etc/nginx/sites-enabled/zz-other"
        server.run(f"printf 'server {{ broken }}\\n' >{other}")
        try:
            with load(f"{server.url}/health", 100, GENTLE) as traffic:
                commit = project.commit("Goes out all the same")
                project.must("-H", server.name, "deploy")
                assert assert_whole(server).startswith(commit[:12])
                project.configure('[nginx]\nmax_body = "11m"\n', **QUICK)
                site = server.run("cat /etc/nginx/snippets/hello.conf").stdout
                result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and other in result.stderr and "before anything was changed" in result.stderr, result
            assert traffic.lost == 0, traffic
            assert server.run("cat /etc/nginx/snippets/hello.conf").stdout == site
            assert server.run(f"cat {other}").stdout == "server { broken }\n"
        finally:
            server.run(f"rm {other}")
        project.must("-H", server.name, "deploy")
        assert "11m" in server.run("cat /etc/nginx/snippets/hello.conf").stdout
        project.configure(**QUICK)
        project.must("-H", server.name, "deploy")

    @pytest.mark.usefixtures("branch")
    def test_a_port_that_somebody_else_holds_is_named_and_nothing_is_changed(self, server: Server, project: Project) -> None:
        old = live(server)
        server.run("systemctl stop nginx; systemd-run -q --unit=holder python3 -m http.server 80")
        server.run("for i in $(seq 100); do ss -tlnH | grep -q ':80 ' && break; sleep 0.05; done")
        project.commit("Nobody would see it")
        try:
            result = project.fab("-H", server.name, "deploy")
        finally:
            server.run("systemctl stop holder; systemctl start nginx")
        assert result.status == 1 and "port 80, which nginx needs, is held by python3" in result.stderr, result
        assert server.run(f"ls -d /srv/hello/releases/{project.head[:12]}", check=False).returncode != 0
        assert assert_whole(server) == old

    @pytest.mark.usefixtures("branch")
    def test_a_system_python_without_venv_gets_it_and_nothing_else(self, server: Server, project: Project) -> None:
        """A `/usr/bin/python` there is none, and Debian's own may not be changed (EXTERNALLY-MANAGED)."""
        server.run("apt-get purge -y -qq 'python3*-venv' >/dev/null 2>&1")
        server.run("test ! -e /usr/bin/python && ls /usr/lib/python3*/EXTERNALLY-MANAGED")
        look = "ls -d /usr/lib/python3/dist-packages/* /usr/local/lib/python3*/*/* 2>/dev/null || true"
        before = server.run(look).stdout
        with (project.app / "requirements.txt").open("a") as requirements:
            requirements.write("python-multipart\n")
        project.commit("With a new environment")
        result = project.must("-H", server.name, "deploy")
        assert "python3-venv" in result.stdout, result
        assert assert_whole(server).startswith(project.head[:12])
        assert server.run(look).stdout == before

    @pytest.mark.usefixtures("branch")
    def test_nginx_that_is_restarted_and_logs_that_are_rotated(self, server: Server) -> None:
        """As unattended upgrades and the night do it."""
        before = assert_whole(server)
        server.run("systemctl restart nginx && logrotate -f /etc/logrotate.conf")
        assert assert_whole(server) == before
        logs = "/var/log/hello/nginx-access.log", "/var/log/hello/nginx-error.log"
        assert server.run(f"stat -c '%a %U %G' {' '.join(logs)}").stdout == 2 * "640 www-data adm\n"
        assert server.run(f"grep -c /health {logs[0]}; stat -c %s {logs[0]}.1").stdout.startswith("1\n")

    def test_units_that_were_edited_are_written_again(self, server: Server, project: Project) -> None:
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        instance = assert_whole(server)
        unit = f"/etc/systemd/system/hello.{instance}.service"
        edits = (f"sed -i 's/^TasksMax=.*/TasksMax=7/' {unit}", f"systemctl -q disable hello.{instance}.service")
        for edit in edits:
            written_again(server, project, edit)
        assert server.run(f"systemctl is-enabled hello.{instance}.service").stdout == "enabled\n"
        assert "TasksMax=7\n" in server.run(f"cat /var/backups/selvedge{unit}.*").stdout


def written_again(server: Server, project: Project, edit: str) -> None:
    """After an edit of the manager's files, a deploy writes them again, and nothing is started anew."""
    processes = "ss -xlpH | grep -F /run/hello/ | grep -o 'pid=[0-9]*' | sort"
    before = server.run(processes).stdout
    server.run(edit)
    result = project.must("-H", server.name, "deploy")
    assert f"write again what starts {live(server)} at a boot" in result.stdout, result
    assert server.run(processes).stdout == before
    assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
