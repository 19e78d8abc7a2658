"""Full and read-only disks, too little memory, too much output, and many old releases."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from drills import GENTLE, QUICK, assert_consistent, configure, deploy, live, requirement
from lab import Project
from sandbox import Server
from traffic import load

FLOOD = (
    "head -c 100000000 /dev/zero | tr '\\0' x; echo; head -c 20000000 /dev/zero | tr '\\0' y | fold -w 100; echo; "
    "printf '\\033[31mred\\000 \\377\\376 and the end\\n'; "
)


class TestExhaustedResources:
    def test_a_disk_that_is_nearly_full(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        project.commit("More than fits")
        with _small_disk(server, "size=%(used)dk"):
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and "Too little disk space on the server" in result.stderr, result
            assert "Free some space" in result.stderr
            assert assert_consistent(server) == old
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(project.head[:12])

    def test_a_disk_that_fills_up_during_the_build(self, server: Server, project: Project) -> None:
        """There are enough inodes to start the new environment, and too few to finish it."""
        old = assert_consistent(server)
        project.commit(requirement("python-multipart"))
        with _small_disk(server, "size=%(used)dk,nr_inodes=%(inodes)d", kilobytes=600_000, inodes=2400):
            with load(f"{server.url}/health", 200, GENTLE) as traffic:
                result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and re.search("[Nn]o space left on device", result.stderr), result
            assert traffic.lost == 0, traffic
            assert assert_consistent(server) == old
            assert server.run("ls /srv/hello/venvs").stdout.count("\n") == 1, "the unfinished environment is deleted"
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(project.head[:12])

    def test_a_migration_that_fills_the_disk(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        project.configure(**QUICK | {"migrate": "cat /dev/zero >/srv/hello/shared/filler"})
        project.commit("Fills the disk")
        files = "find /etc -xdev -type f -size 0 | sort"
        empty = server.run(files).stdout
        with _small_disk(server, "size=%(used)dk", kilobytes=200_000):
            with load(f"{server.url}/health", 100, GENTLE) as traffic:
                result = project.fab("-H", server.name, "deploy")
            assert int(server.run("df --output=avail /srv/hello | tail -n 1").stdout) < 100, result
            assert result.status == 1 and "The migration failed (exit status 1): cat /dev/zero" in result.stderr, result
            assert "No space left on device" in result.stdout, result
            assert traffic.lost == 0, traffic
            assert assert_consistent(server) == old
        assert server.run(files).stdout == empty, "no file is truncated"
        assert assert_consistent(server) == old
        project.configure(**QUICK)

    def test_a_read_only_file_system(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        project.commit("On a read-only disk")
        server.run("mount --bind /srv /srv && mount -o remount,bind,ro /srv")
        try:
            result = project.fab("-H", server.name, "deploy")
        finally:
            server.run("umount /srv")
        assert result.status == 1 and "ead-only file system" in result.stderr, result
        assert assert_consistent(server) == old
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(project.head[:12])

    @pytest.mark.usefixtures("branch")
    def test_long_output_is_cut_and_its_end_is_shown(self, server: Server, project: Project) -> None:
        """A hook and a migration print a line of 100 MB, 200,000 lines, and control characters."""
        old = assert_consistent(server)
        hook = f"[hooks]\nafter_build = {json.dumps(f'{FLOOD} exit 3')}\n"
        for text, app in ((hook, {}), ("", {"migrate": f"{FLOOD} exit 3"})):
            configure(project, text, **app)
            project.commit("Says a lot")
            process = project.start("-H", server.name, "deploy")
            with _peak_memory(process.pid) as peak:
                stdout, stderr = process.communicate(timeout=120)
            assert process.returncode == 1 and "(exit status 3)" in stderr, stderr
            assert "and the end" in stdout and len(stdout + stderr) < 200_000, stdout[-2000:]
            assert not re.search(r"[\x00-\x09\x0b-\x1f]", stdout + stderr)
            assert 1 < max(peak) < 150_000, f"{max(peak)} kB"
            assert assert_consistent(server) == old

    @pytest.mark.usefixtures("branch")
    def test_thirty_old_releases_are_deleted_except_a_busy_one(self, server: Server, project: Project) -> None:
        old = live(server)
        made = [f"{number:012x}-abcdef" for number in range(30)]
        copies = "\n".join(
            f"cp -a instances/{old} instances/{each}; cp -a releases/{old[:12]} releases/{each[:12]}\n"
            f"touch -d '{number + 1} days ago' instances/{each}"
            for number, each in enumerate(made)
        )
        stuck = f"/srv/hello/releases/{made[29][:12]}"
        server.run(
            f"cd /srv/hello\n{copies}\nmkdir {stuck}/busy && mount -t tmpfs tmpfs {stuck}/busy && touch {stuck}/busy/file"
        )
        server.run(f"mkdir -p {stuck}/__pycache__ && touch {stuck}/__pycache__/main.pyc")
        project.commit("Prunes")
        new = deploy(server, project)
        there = server.run("cd /srv/hello/instances && ls -d *-*").stdout.split()
        states = server.run("cat /srv/hello/instances/*/state").stdout.split()
        assert len(states) == len(there) and len(states) - states.count("bad") == 6, "the live release and five older ones"
        assert {new, old} <= set(there)
        kept = {each[:12] for each in there} | {made[29][:12]}
        assert set(server.run("ls /srv/hello/releases").stdout.split()) == kept
        server.run(f"umount {stuck}/busy")
        project.commit("Prunes what was stuck")
        deploy(server, project)
        assert server.run(f"ls -d {stuck}", check=False).returncode != 0

    def test_too_little_memory_for_two_releases(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, migrate="touch /srv/hello/shared/migrated", **QUICK)
        project.commit("Two at a time")
        old = assert_consistent(server)
        server.run("sed 's/^\\(MemAvailable\\|SwapFree\\): .*/\\1: 3072 kB/' /proc/meminfo >/run/meminfo")
        server.run("mount --bind /run/meminfo /proc/meminfo")
        try:
            result = project.fab("-H", server.name, "deploy")
        finally:
            server.run("umount /proc/meminfo")
        assert result.status == 1 and 'app.strategy = "restart"' in result.stderr, result
        assert re.search(r"6 MB are free, and the live release uses \d\d+ MB", result.stderr), result
        assert assert_consistent(server) == old
        assert server.run("ls /srv/hello/shared/migrated", check=False).returncode != 0, "the migration has not run"


class _small_disk:
    """Mount /srv/hello on a tmpfs with its present files, `kilobytes` of free space and `inodes` free inodes."""

    def __init__(self, server: Server, options: str, kilobytes: int = 8192, inodes: int = 100) -> None:
        self.server, self.options, self.kilobytes, self.inodes = server, options, kilobytes, inodes

    def __enter__(self) -> None:
        used = int(self.server.run("du -sk /srv/hello").stdout.split()[0]) * 5 // 4 + self.kilobytes
        inodes = int(self.server.run("find /srv/hello | wc -l").stdout) + self.inodes
        options = self.options % {"used": used, "inodes": inodes}
        self.server.run(
            f"mkdir -p /mnt/small && mount -t tmpfs -o mode=0711,{options} tmpfs /mnt/small && cp -a /srv/hello/. /mnt/small/"
            " && mount --bind /mnt/small /srv/hello && umount /mnt/small"
        )

    def __exit__(self, *_: object) -> None:
        self.server.run("umount -l /srv/hello")


class _peak_memory:
    """Record the peak resident memory of a process, in kB, while the block runs."""

    def __init__(self, pid: int) -> None:
        self.status, self.seen, self.stop = Path(f"/proc/{pid}/status"), [0], threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> list[int]:
        self.thread.start()
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.stop.wait(0.05):
            found = re.search(r"VmHWM:\s*(\d+) kB", self.status.read_text()) if self.status.exists() else None
            self.seen += [int(found[1])] if found else []
