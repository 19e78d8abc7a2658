"""Servers that someone else has changed: edited and deleted files, other sites, taken ports, missing packages."""

from __future__ import annotations

import pytest

from drills import GENTLE, QUICK, assert_consistent, live
from lab import Project
from sandbox import Server
from traffic import get, load


class TestChangedServers:
    def test_an_edited_or_deleted_program_file_is_written_again(self, server: Server, project: Project) -> None:
        """Another program in the same folder is kept."""
        project.configure(**QUICK)
        project.must("-H", server.name, "deploy")
        assert_consistent(server)
        file = "/etc/supervisor/conf.d/hello.conf"
        server.run("printf '[program:other]\\ncommand=/bin/sleep 1000\\n' >/etc/supervisor/conf.d/other.conf")
        for edit in (f"rm {file}", f"sed -i 's/^autostart=.*/autostart=false/' {file}"):
            written_again(server, project, edit)
        assert "sleep 1000" in server.run("cat /etc/supervisor/conf.d/other.conf").stdout
        assert "autostart=false" in server.run(f"cat /var/backups/selvedge{file}.*").stdout

    def test_the_old_release_stops_although_its_program_file_was_deleted(self, server: Server, project: Project) -> None:
        """supervisor still runs the program and would restart it."""
        commit = project.commit("Without a file")
        server.run("rm /etc/supervisor/conf.d/hello.conf")
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            project.must("-H", server.name, "deploy")
        assert traffic.lost == 0, traffic
        assert assert_consistent(server).startswith(commit[:12])

    def test_a_broken_file_of_another_site(self, server: Server, project: Project) -> None:
        other = "/etc/nginx/sites-enabled/zz-other"
        server.run(f"printf 'server {{ broken }}\\n' >{other}")
        try:
            with load(f"{server.url}/health", 100, GENTLE) as traffic:
                commit = project.commit("Deployed despite a broken site")
                project.must("-H", server.name, "deploy")
                assert assert_consistent(server).startswith(commit[:12])
                project.configure('[nginx]\nmax_body = "11m"\n', **QUICK)
                site = server.run("cat /etc/nginx/snippets/hello.conf").stdout
                result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and other in result.stderr and "so nothing was changed" in result.stderr, result
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
    def test_manual_edits_are_shown_and_backed_up_and_other_files_are_kept(self, server: Server, project: Project) -> None:
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

    @pytest.mark.usefixtures("branch")
    def test_a_port_held_by_another_program_is_reported_and_nothing_changes(self, server: Server, project: Project) -> None:
        old = live(server)
        server.run("systemctl stop nginx; systemd-run -q --unit=holder python3 -m http.server 80")
        server.run("for i in $(seq 100); do ss -tlnH | grep -q ':80 ' && break; sleep 0.05; done")
        project.commit("Without a port")
        try:
            result = project.fab("-H", server.name, "deploy")
        finally:
            server.run("systemctl stop holder; systemctl start nginx")
        assert result.status == 1 and "Port 80, which nginx needs, is in use by python3" in result.stderr, result
        assert server.run(f"ls -d /srv/hello/releases/{project.head[:12]}", check=False).returncode != 0
        assert assert_consistent(server) == old

    @pytest.mark.usefixtures("branch")
    def test_a_missing_venv_package_is_installed_and_nothing_else(self, server: Server, project: Project) -> None:
        """Debian has no /usr/bin/python, and pip must not change its packages (EXTERNALLY-MANAGED)."""
        server.run("apt-get purge -y -qq 'python3*-venv' >/dev/null 2>&1")
        server.run("test ! -e /usr/bin/python && ls /usr/lib/python3*/EXTERNALLY-MANAGED")
        look = "ls -d /usr/lib/python3/dist-packages/* /usr/local/lib/python3*/*/* 2>/dev/null || true"
        before = server.run(look).stdout
        with (project.app / "requirements.txt").open("a") as requirements:
            requirements.write("python-multipart\n")
        project.commit("With a new environment")
        result = project.must("-H", server.name, "deploy")
        assert "python3-venv" in result.stdout, result
        assert assert_consistent(server).startswith(project.head[:12])
        assert server.run(look).stdout == before

    @pytest.mark.usefixtures("branch")
    def test_a_restart_of_nginx_and_rotated_logs(self, server: Server) -> None:
        """Unattended upgrades and logrotate do both."""
        before = assert_consistent(server)
        server.run("systemctl restart nginx && logrotate -f /etc/logrotate.conf")
        assert assert_consistent(server) == before
        logs = "/var/log/hello/nginx-access.log", "/var/log/hello/nginx-error.log"
        assert server.run(f"stat -c '%a %U %G' {' '.join(logs)}").stdout == 2 * "640 www-data adm\n"
        assert server.run(f"grep -c /health {logs[0]}; stat -c %s {logs[0]}.1").stdout.startswith("1\n")

    def test_an_edited_or_disabled_unit_is_restored(self, server: Server, project: Project) -> None:
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        instance = assert_consistent(server)
        unit = f"/etc/systemd/system/hello.{instance}.service"
        edits = (f"sed -i 's/^TasksMax=.*/TasksMax=7/' {unit}", f"systemctl -q disable hello.{instance}.service")
        for edit in edits:
            written_again(server, project, edit)
        assert server.run(f"systemctl is-enabled hello.{instance}.service").stdout == "enabled\n"
        assert "TasksMax=7\n" in server.run(f"cat /var/backups/selvedge{unit}.*").stdout


def written_again(server: Server, project: Project, edit: str) -> None:
    """Edit the process manager's files. The next deploy restores them and restarts no process."""
    processes = "ss -xlpH | grep -F /run/hello/ | grep -o 'pid=[0-9]*' | sort"
    before = server.run(processes).stdout
    server.run(edit)
    result = project.must("-H", server.name, "deploy")
    assert f"rewrite the files that start {live(server)} at boot" in result.stdout, result
    assert server.run(processes).stdout == before
    assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
