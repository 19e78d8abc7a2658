"""The repository of the backups: calls of restic, and what its failures mean."""

import contextlib
import json
import os
import re
import socket
import subprocess
import time
from datetime import datetime

from .settings import HERE, Failed, wait

SECONDS = 15
"""How long a backup host may take to answer."""
OPEN_SECONDS = 120
"""How long restic may take to open the repository: newer versions repeat some failures for a quarter of an hour."""
STALE_SECONDS = 30 * 60
"""The age of a lock that restic takes for stale, whoever holds it: a living restic renews its lock every 5 minutes."""
WHY = ("manual", "scheduled", "migration", "restore")
"""Why a backup was taken: the tag `why:` of restic's snapshot."""
_CAUSES = (
    (
        r"wrong password or no key found",
        "the repository {to} has another password than SELVEDGE_BACKUP__PASSWORD",
        "Put the repository's password into .env beside hosts.toml. Without it, no one can read these backups: then choose "
        "another folder in backup.to.",
    ),
    (
        r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED|host key is known",
        "the backup host {host} shows another host key than the known one",
        "Someone may be intercepting the connection, or the host was reinstalled. Compare its keys, correct known_hosts or "
        "backup.host_key on your machine, then run `fab backup`.",
    ),
    (
        r"Permission denied \(|Too many authentication failures|Permission denied, please try again",
        "the backup host {host} refuses the key of backup.key for the user {user}",
        "Add its public half to ~/.ssh/authorized_keys of that user on the backup host.",
    ),
    (
        r"Load key .*(invalid format|incorrect passphrase|error in libcrypto)",
        "ssh cannot read the key of backup.key",
        "Create one without a passphrase: `ssh-keygen -t ed25519 -N \"\" -f backup_key`.",
    ),
    (
        r"Could not resolve hostname|Name or service not known|no such host",
        "the server cannot resolve the name {host}",
        "Correct backup.to in hosts.toml.",
    ),
    (
        r"Connection refused|Connection timed out|Operation timed out|No route to host|Network is unreachable",
        "the server cannot reach the backup host {host}",
        "Check that it is on, and that its firewall admits this server.",
    ),
    (
        r"[Nn]o space left on device|[Dd]isk quota exceeded",
        "the disk of the backups is full",
        "Free some space there, or keep fewer (backup.keep).",
    ),
    (
        r"permission denied|Permission denied|mkdir .*(read-only|denied)|sftp: \"Failure\"",
        "{to} is not writable for the user of the backups",
        "Create the folder, and let that user write to it.",
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|Access Denied|AccessDenied|NoCredentialProviders|no credentials",
        "{host} refuses the access key",
        "Correct SELVEDGE_BACKUP__S3_ACCESS_KEY and SELVEDGE_BACKUP__S3_SECRET_KEY in .env, and let the key read, write and delete "
        "in the bucket.",
    ),
    (r"bucket does not exist|NoSuchBucket", "there is no such bucket: {to}", "Create it, or correct backup.to in hosts.toml."),
    (
        r"already locked|unable to create lock|repository is already locked",
        "the repository is locked by another restic",
        "Wait until it ends, then run the same command again. If it was killed, Selvedge removes its lock 30 minutes later; "
        "`restic unlock --remove-all` removes it now.",
    ),
)


_MISSING = r"unable to open config file|Is there a repository|config file does not exist"
# The beginnings of lines beside the reason.
_SECONDARY = (
    "Is there a repository", "Please check", "Warning: ", "@@@", "lock was created at", "storage ID", "the `unlock` command",
)  # fmt: skip
# The repository could not even be looked for.
_BROKEN = r"start the sftp session|[Pp]ermission denied|Connection refused|resolve host|[Tt]imed out|Access Denied|InvalidAccess"


class Repository:
    """A restic repository. settings: those of the app."""

    def __init__(self, settings):
        self.settings = settings
        self.to = settings.repository

    def _environment(self):
        found = {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            # The days of backup.keep are then the same on each server.
            "TZ": "UTC",
            "RESTIC_REPOSITORY": self.to,
            "RESTIC_PASSWORD_FILE": f"{HERE}/password",
            "RESTIC_CACHE_DIR": f"{HERE}/cache",
            "RESTIC_PROGRESS_FPS": "1",
            # Its pack files are up to 128 MiB each, while one is written to /tmp.
            "TMPDIR": HERE,
        }
        if self.settings.kind == "s3":
            with open(f"{HERE}/credentials", encoding="utf-8") as file:
                found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"] = file.read().splitlines()[:2]
            if self.settings.region:
                found["AWS_DEFAULT_REGION"] = self.settings.region
        return found

    def _command(self, words):
        command = ["restic", *words]
        if self.settings.kind == "sftp":
            command[1:1] = ["-o", f"sftp.command={' '.join(self._ssh())}"]
        return command

    def _ssh(self):
        """Return the command that restic speaks SFTP with. None of its words has a space."""
        options = {
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": f"{HERE}/known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "ConnectTimeout": SECONDS,
            "ServerAliveInterval": 15,
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        login = f"{self.settings.user}@{self.settings.host}"
        return ["ssh", "-i", f"{HERE}/key", "-F", "/dev/null", *words, "-p", str(self.settings.port or 22), login, "-s", "sftp"]

    def _said_by_ssh(self):
        """Return what ssh says: restic may end before it has printed that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            files = {"stdin": subprocess.DEVNULL, "capture_output": True}
            done = subprocess.run(self._ssh(), env=self._environment(), timeout=2 * SECONDS, check=False, **files)
            return done.stderr.decode("utf-8", "replace")
        return ""

    def run(self, *words, on_line=None, stdout=None, check=True, seconds=None, handle=None):
        """Run restic; return its exit status, its output and its errors. on_line: gets each line of its output.

        seconds: how long it may take. handle: an open file that it reads. Raises Failed if it fails, unless `check` is false.
        """
        pipe = subprocess.PIPE
        files = {"stdin": subprocess.DEVNULL, "stdout": stdout or pipe, "stderr": pipe}
        if handle is not None:
            files["pass_fds"] = (handle,)
        try:
            process = subprocess.Popen(self._command(words), env=self._environment(), **files)
        except FileNotFoundError:
            raise Failed("restic is missing on the server.", "Run `sudo apt-get install --reinstall restic` there.") from None
        with process:
            errors = []
            if on_line:
                import threading

                reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
                reader.start()
                for line in process.stdout:
                    on_line(line.decode("utf-8", "replace"))
                reader.join()
                output = b""
            else:
                try:
                    output, error = process.communicate(timeout=seconds)
                except subprocess.TimeoutExpired:
                    output, error = _end(process)
                    error += f"\nrestic did not answer within {seconds} s".encode()
                errors.append(error)
        said = b"".join(errors).decode("utf-8", "replace")
        if check and process.returncode != 0:
            raise self.failure(words[0], said, process.returncode)
        return process.returncode, (output or b"").decode("utf-8", "replace"), said

    def failure(self, verb, said, status):
        """Return the error for a failure of restic. said: its own words."""
        if "start the sftp session" in said:
            said += self._said_by_ssh()
        last = message(said) or f"exit status {status}"
        names = {"to": self.to, "host": self.settings.host, "user": self.settings.user}
        if verb == "restore" and re.search(r"[Nn]o space left on device", said):
            return Failed("The disk of the server is full, so the backup was not restored.", f"Free some space: `df -h {HERE}`.")
        for pattern, problem, remedy in _CAUSES:
            if re.search(pattern, said):
                return Failed(f"restic {verb}: {problem.format(**names)}: {last}.", remedy)
        return Failed(f"restic {verb} failed: {last}.", f"See `sudo less /var/log/selvedge/{self.settings.app}.log` on the server.")

    def reach(self):
        """Raise Failed if an S3 host does not answer: restic tries for a quarter of an hour."""
        if self.settings.kind != "s3":
            return
        try:
            socket.create_connection((self.settings.host, self.settings.port), SECONDS).close()
        except OSError as error:
            problem = f"the server cannot reach {self.settings.host}, port {self.settings.port}: {error.strerror or error}."
            raise Failed(problem, "Check backup.to in hosts.toml, and the network of the server.") from None

    def exists(self):
        """Return whether there is a repository. Raises Failed if that cannot be known, or if it has another password."""
        self.reach()
        status, _, said = self.run("cat", "config", "--no-lock", check=False, seconds=OPEN_SECONDS)
        if status == 0:
            return True
        # 0.17 and newer end with status 10 if there is no repository; older ones only say so.
        if status == 10 or (re.search(_MISSING, said) and not re.search(_BROKEN, said)):
            return False
        raise self.failure("cat", said, status)

    def open(self):
        """Create the repository if it is missing, and remove locks that killed runs have left."""
        if self.exists():
            self._unlock()
        else:
            wait("creating the repository")
            self.run("init")

    def _unlock(self):
        """Remove the locks that no running program holds, if that can be known.

        `restic unlock` sends SIGHUP to the process of a young lock of this machine, and keeps the lock if there is one. After a
        boot, its number may be that of another program.
        """
        _, output, _ = self.run("list", "locks", "--no-lock", check=False)
        names = output.split()
        locks = [lock for lock in map(self._lock, names) if lock]
        own = [lock for lock in locks if lock["hostname"] == socket.gethostname()]
        if names and len(own) == len(names) and not any(program(lock["pid"]).startswith("restic") for lock in own):
            # The lock of the app's backups (locked) is held: no other command of Selvedge runs restic.
            self.run("unlock", "--remove-all", check=False)
        elif names and not any(_would_be_signalled(lock) for lock in own):
            self.run("unlock", check=False)

    def _lock(self, name):
        """Return a lock: hostname, pid and time. None if it cannot be read: its program may have ended."""
        status, output, _ = self.run("cat", "lock", name, "--no-lock", check=False)
        return json.loads(output) if status == 0 else None

    def snapshots(self):
        """Return the backups of this program, the oldest first: id, time and tags. Writes nothing to the repository."""
        _, output, _ = self.run("snapshots", "--json", "--no-lock")
        found = json.loads(output or "[]") or []
        ours = {f"why:{why}" for why in WHY}
        return sorted((each for each in found if ours & {*(each.get("tags") or [])}), key=lambda each: moment(each["time"]))


def moment(text):
    """Return a time as restic prints it, to compare: each server has printed nanoseconds, in a time zone of its own."""
    found = re.fullmatch(r"(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    # Python 3.9 reads neither nanoseconds nor Z.
    return datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).timestamp(), (found[2] or "").ljust(9, "0")


def program(number):
    """Return the name of the program that runs as this process, "" if there is no such process."""
    try:
        with open(f"/proc/{number}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _would_be_signalled(lock):
    """Return whether `restic unlock` would send a signal to another program than restic. lock: one of this machine."""
    name = program(lock["pid"])
    return bool(name) and not name.startswith("restic") and time.time() - moment(lock["time"])[0] < STALE_SECONDS


def _end(process):
    """End a process; return what it has said."""
    process.terminate()
    try:
        return process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()


def message(said):
    """Return the last sentence that restic, or ssh, has said about its failure."""
    found = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError, AttributeError):
            line = json.loads(line).get("message", "")
        line = re.sub(r"^(subprocess ssh: |Fatal: |unable to create lock in backend: )+", "", line.strip())
        if line and not line.startswith(_SECONDARY):
            found.append(line)
    return (found[-1] if found else "").rstrip(".")
