"""`[backup]`: where backups go, when, and how long they are kept."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from selvedge.config.calendar import OptionalSchedule, on_calendar
from selvedge.config.section import Section
from selvedge.config.types import Fingerprint, LocalPath, Switch, Text, Whole, host_address
from selvedge.value import Value

_PATH = r"/[A-Za-z0-9._@+-]+(?:/[A-Za-z0-9._@+-]+)*"
_USER = r"[A-Za-z_][A-Za-z0-9._-]{0,63}"
_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*"
_SFTP = re.compile(rf"sftp:(?://)?(?P<user>{_USER})@(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?:?(?P<path>{_PATH})", re.ASCII)
_S3 = re.compile(rf"s3:(?P<scheme>https?)://(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?(?P<path>{_PATH})", re.ASCII)
_CLOSED = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "tmp", "usr")


class Place(Value):
    """Where backups go. kind: local, sftp or s3. port: 0 for the usual one of ssh."""

    kind: str
    path: str
    user: str = ""
    host: str = ""
    port: int = 0
    scheme: str = ""

    @classmethod
    def of(cls, text: str) -> Place:
        """Return the place that `backup.to` names. Raises ValueError."""
        if found := _SFTP.fullmatch(text):
            return cls("sftp", found["path"], found["user"], _address(found["host"]), _port(found["port"] or "0"))
        if found := _S3.fullmatch(text):
            port = _port(found["port"] or {"https": "443", "http": "80"}[found["scheme"]])
            return cls("s3", found["path"], "", _address(found["host"]), port, found["scheme"])
        if re.fullmatch(_PATH, text, re.ASCII):
            return cls("local", text)
        raise ValueError(
            "must be a folder of the server such as /var/backups/apps, sftp:USER@HOST:/PATH, sftp://USER@HOST:PORT/PATH or "
            "s3:https://HOST/BUCKET, with only letters, digits and any of . _ - + @ in its path"
        )

    def repository(self, name: str) -> str:
        """Return restic's name of a repository below the place."""
        path = f"{self.path}/{name}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.kind == "sftp":
            # In the short form, restic would end the host at the first colon.
            return f"sftp://{self.user}@{host}/{path}" if ":" in self.host else f"sftp:{self.user}@{host}:{path}"
        return f"s3:{self.scheme}://{host}:{self.port}{path}" if self.kind == "s3" else path


def _address(text: str) -> str:
    return host_address(text.strip("[]"))


def _port(text: str) -> int:
    if int(text) > 65535:
        raise ValueError("must have a port of at most 65535")
    return int(text)


def _to(value: str) -> str:
    if not value:
        return value
    place = Place.of(value.rstrip("/"))
    parts = place.path.split("/")[1:]
    if not all(part.strip(".") for part in parts):
        raise ValueError("must not contain '.' or '..' as a part of its path")
    if place.kind == "local" and (parts[0] in _CLOSED or (parts[0] == "srv" and len(parts) < 2) or parts == ["var"]):
        raise ValueError("must not be a folder of the system, such as /etc or /usr, or all of /srv or /var")
    return value.rstrip("/")


def _file(value: str) -> str:
    parts = value.rstrip("/").split("/")
    if not all(re.fullmatch(r"[A-Za-z0-9._@+-]+", part, re.ASCII) and part.strip(".") for part in parts):
        raise ValueError("must be a path in shared/, with only letters, digits and any of . _ - + @ /, without '/' at its start")
    return value.rstrip("/")


def _region(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", value, re.ASCII):
        raise ValueError("must be the name of a region, such as eu-central-1")
    return value


def _pattern(value: str) -> str:
    parts = value.rstrip("/").split("/")
    if not all(re.fullmatch(r"[A-Za-z0-9._@+?*-]+", part, re.ASCII) and part.strip(".") for part in parts):
        raise ValueError(
            "must be a path in shared/ such as uploads/cache, or a name such as *.tmp for all folders, with only letters, digits "
            "and any of . _ - + @ * ? /, without '/' at its start"
        )
    if not value.strip("*/"):
        raise ValueError("must not exclude everything")
    return value.rstrip("/")


def _apart(values: list[str]) -> list[str]:
    """Raise ValueError if a path contains another one, or is there twice."""
    for number, value in enumerate(values):
        for other in values[:number] + values[number + 1 :]:
            if other == value:
                raise ValueError(f"must not name {value} twice")
            if other.startswith(f"{value}/"):
                raise ValueError(f"must not name {other} beside {value}, which contains it")
    return values


Destination = Annotated[Text, AfterValidator(_to)]
SharedFile = Annotated[Text, AfterValidator(_file)]
SharedFiles = Annotated[list[SharedFile], AfterValidator(_apart)]
SharedPattern = Annotated[Text, AfterValidator(_pattern)]
Region = Annotated[Text, AfterValidator(_region)]


class Keep(Section):
    """How many backups to keep: the terms of `restic forget`. All of the last 24 hours are kept, too."""

    last: Whole = Field(0, ge=0, le=9999, description="This many of the newest.")
    hourly: Whole = Field(0, ge=0, le=9999, description="The last one of each of this many hours.")
    daily: Whole = Field(0, ge=0, le=9999, description="The last one of each of this many days.")
    weekly: Whole = Field(0, ge=0, le=9999, description="The last one of each of this many weeks.")
    monthly: Whole = Field(0, ge=0, le=9999, description="The last one of each of this many months.")
    yearly: Whole = Field(0, ge=0, le=9999, description="The last one of each of this many years.")


def _default_keep() -> Keep:
    return Keep(last=0, hourly=0, daily=7, weekly=4, monthly=6, yearly=0)


class Backup(Section):
    """Encrypted backups of the app's files and databases, by restic.

    The password of the backups is `SELVEDGE_BACKUP__PASSWORD`, from the environment or `.env`. `fab backup` creates it if it is
    missing. With S3, the access key is in `SELVEDGE_BACKUP__S3_ACCESS_KEY` and `SELVEDGE_BACKUP__S3_SECRET_KEY`.
    """

    to: Destination = Field(
        "",
        description="Where backups go: `sftp:USER@HOST:/PATH`, `s3:https://HOST/BUCKET`, or a folder of the server itself, which "
        "is lost with the server. Each app and server has its own folder there. Empty: no backups.",
        examples=["sftp:backup@203.0.113.20:/srv/backups", "s3:https://s3.example.com/backups", "/var/backups/apps"],
    )
    schedule: OptionalSchedule = Field(
        "*-*-* 03:30",
        description="When the server takes a backup, in a form of `[timers]`. Empty: only `fab backup` takes one.",
        examples=["hourly", "Mon..Fri 22:00"],
    )
    keep: Keep = Field(
        default_factory=_default_keep,
        description="How many backups to keep: `last`, `hourly`, `daily`, `weekly`, `monthly`, `yearly`. All of the last 24 hours "
        "are kept, too, and the last 5 from before a restore. All 0: nothing is deleted. Default: 7 daily, 4 weekly, 6 monthly.",
        examples=[{"daily": 14, "monthly": 12}],
    )
    files: SharedFiles = Field(
        default_factory=list,
        description="The files and folders of `shared/` to back up. Default: all of them.",
        examples=[["uploads", "blog.sqlite3"]],
    )
    exclude: list[SharedPattern] = Field(
        default_factory=list,
        description="The files and folders of `shared/` not to back up: a path (`uploads/cache`), or a name in any folder "
        "(`*.tmp`). `*` and `?` do not match `/`. `fab restore --live` leaves them as they are.",
        examples=[["uploads/cache", "*.tmp"]],
    )
    region: Region = Field(
        "",
        description="The region of the bucket for `s3:`. Default: restic asks the storage, or takes `us-east-1`.",
        examples=["eu-central-1"],
    )
    key: LocalPath = Field(
        "",
        description="The private SSH key for `sftp:`, a file on your machine without a passphrase. Only root can read it on the "
        "server.",
        examples=["backup_key"],
    )
    host_key: Fingerprint = Field(
        "",
        description="The fingerprint of the host key for `sftp:`. Default: the keys in known_hosts on your machine. `fab backup` "
        "shows an unknown key, asks, and adds it there.",
        examples=["SHA256:uNiVztksCsDhcc0u9e8BrrH0Y4DBkWZXcGVZhKDAEdM"],
    )
    rehearse: OptionalSchedule = Field(
        "",
        description="When the server restores the newest backup into a temporary folder and compares it with what was recorded.",
        examples=["Sun 05:00", "monthly"],
    )
    before_migrate: Switch = Field(
        False,
        description="Take a backup before each migration and before `fab rollback --downgrade`, which stop if it fails.",
        examples=[True],
    )

    @property
    def place(self) -> Place:
        """Where backups go. Only for a section with `to`."""
        return Place.of(self.to)

    @property
    def times(self) -> dict[str, tuple[str, ...]]:
        """The values of OnCalendar= for each of the two schedules, none for an empty one."""
        schedules = {"schedule": self.schedule, "rehearse": self.rehearse}
        return {name: on_calendar(schedule) if schedule else () for name, schedule in schedules.items()}

    @property
    def keeps(self) -> dict[str, int]:
        """The terms of `restic forget` that are set."""
        return {name: count for name, count in self.keep.model_dump().items() if count}

    @model_validator(mode="after")
    def _check_key(self) -> Self:
        if self.to.startswith("sftp:") and not self.key:
            raise ValueError(
                "key is missing: the server logs in to the backup host with a key of its own. Create one, `ssh-keygen -t ed25519 "
                "-N '' -f backup_key`, set key = \"backup_key\", and add backup_key.pub to authorized_keys of the backup user"
            )
        return self
