"""`[tls]`, `[server]`, `[nginx]`, `[hooks]`, `[rollout]`. The descriptions are the text of docs/hosts-toml.md."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from selvedge.config.app import Section
from selvedge.config.types import (
    Batch,
    Clock,
    Directory,
    Email,
    HookList,
    HttpsUrl,
    LocalFile,
    LocalPath,
    Network,
    Port,
    Seconds,
    Size,
    Switch,
    UrlPrefix,
    Whole,
)


class Tls(Section):
    """HTTPS: the certificate and where it comes from. Used where `app.domains` names a host."""

    email: Email = Field(
        "",
        description="Where the certificate authority writes to when a certificate is in danger.",
        examples=["me@example.com"],
    )
    acme_server: HttpsUrl = Field(
        "",
        description="The directory of another ACME certificate authority. Default: Let's Encrypt.",
        examples=["https://acme.example.com/directory"],
    )
    acme_ca: LocalPath = Field(
        "",
        description="A PEM file on this machine that the TLS certificate of `acme_server` itself chains to; for a "
        "private authority.",
        examples=["acme-ca.pem"],
    )
    staging: Switch = Field(
        False,
        description="Use Let's Encrypt's staging server: no limits, but browsers do not trust it.",
        examples=[True],
    )
    certbot: Literal["apt", "snap", "pip"] = Field(
        "apt", description="Where certbot is installed from.", examples=["snap"]
    )
    certificate: LocalPath = Field(
        "",
        description="A certificate chain (PEM) of your own on this machine, instead of one from certbot.",
        examples=["hello.example.com.pem"],
    )
    certificate_key: LocalPath = Field(
        "", description="The private key to `certificate`, on this machine.", examples=["hello.example.com.key"]
    )
    upstream: Switch = Field(
        False,
        description="TLS ends at a load balancer in front of the server: no certificate here, and X-Forwarded-Proto is "
        "believed.",
        examples=[True],
    )
    hsts: Whole = Field(
        0,
        ge=0,
        le=63072000,
        description="Seconds for which browsers shall use HTTPS only (Strict-Transport-Security). 0: not sent. Hard to "
        "take back, so try a small number first.",
        examples=[31536000],
    )

    @model_validator(mode="after")
    def _check_certificate(self) -> Self:
        if bool(self.certificate) != bool(self.certificate_key):
            raise ValueError("certificate and certificate_key belong together: set both or none")
        if self.staging and self.acme_server:
            raise ValueError("staging and acme_server exclude each other: staging means Let's Encrypt's staging server")
        if self.upstream and self.certificate:
            raise ValueError("upstream and certificate exclude each other: with upstream, TLS ends before this server")
        return self


class Server(Section):
    """The machine: updates, logins, firewall."""

    upgrade: Switch = Field(True, description="`update` upgrades the installed packages.", examples=[False])
    unattended_upgrades: Switch = Field(
        True, description="The server installs security updates by itself every day.", examples=[False]
    )
    automatic_reboot: Switch = Field(
        True, description="It restarts at `reboot_time` when an update needs that.", examples=[False]
    )
    reboot_time: Clock = Field(
        "04:00", description="When it may restart, in the server's own time.", examples=["03:30"]
    )
    firewall: Switch = Field(True, description="ufw lets in SSH, HTTP, HTTPS and `open_ports` only.", examples=[False])
    open_ports: list[Port] = Field(
        default_factory=list, description="Further TCP ports that the firewall lets in.", examples=[[8443]]
    )
    fail2ban: Switch = Field(True, description="Addresses that keep failing to log in are shut out.", examples=[False])
    ignore_ips: list[Network] = Field(
        default_factory=list,
        description="Addresses or networks that fail2ban never shuts out.",
        examples=[["198.51.100.7", "2001:db8::/32"]],
    )
    sudo: Literal["nopasswd", "password"] = Field(
        "nopasswd", description="Whether the login user's sudo asks for a password.", examples=["password"]
    )
    authorized_keys: list[LocalFile] = Field(
        default_factory=list,
        description="Public key files on this machine that may log in as the host's `user`. Default: the public half "
        "of the host's `key`, else the keys of the SSH agent.",
        examples=[["~/.ssh/id_ed25519.pub"]],
    )
    allow_forwarding: Switch = Field(False, description="Whether sshd forwards ports, agents and X11.", examples=[True])


class Nginx(Section):
    """The web server in front of the app."""

    max_body: Size = Field(
        "10m", description="The largest request body, e.g. an upload. 0: no limit.", examples=["100m"]
    )
    static: dict[UrlPrefix, Directory] = Field(
        default_factory=dict,
        description="Paths that nginx serves itself: URL prefix = folder of the app.",
        examples=[{"/static": "static"}],
    )
    media: dict[UrlPrefix, Directory] = Field(
        default_factory=dict,
        description="The same for files that the app writes: URL prefix = folder under shared/.",
        examples=[{"/media": "uploads"}],
    )
    gzip: Switch = Field(True, description="Compress text answers.", examples=[False])
    security_headers: Switch = Field(
        True, description="Send headers that make browsers stricter, such as X-Content-Type-Options.", examples=[False]
    )
    read_timeout: Whole = Field(
        60, ge=1, le=86400, description="Seconds that nginx waits for the app to send something.", examples=[300]
    )
    default_server: Switch = Field(
        True, description="Requests for names that no site has are closed without an answer (444).", examples=[False]
    )

    @model_validator(mode="after")
    def _check_prefixes(self) -> Self:
        both = {prefix.rstrip("/") for prefix in self.static} & {prefix.rstrip("/") for prefix in self.media}
        if both:
            raise ValueError(f"{min(both)} stands in static and in media: one path can lead to one folder only")
        return self


class Hooks(Section):
    """Commands of your own around a release: one string or a list of them.

    Each is kept as written and given to `sh`: on the server, or, where it begins with `local:`, on this machine.
    """

    before_build: HookList = Field(
        default_factory=list,
        description="Before the virtual environment is built.",
        examples=[["local: npm run build"]],
    )
    after_build: HookList = Field(
        default_factory=list,
        description="When the release is built, before migrations.",
        examples=[["python manage.py check"]],
    )
    before_switch: HookList = Field(
        default_factory=list,
        description="When the new release is healthy, before it gets traffic.",
        examples=[["./warm-up"]],
    )
    after_switch: HookList = Field(
        default_factory=list,
        description="When the new release is live.",
        examples=[["local: ./tell-the-team released"]],
    )
    on_failure: HookList = Field(
        default_factory=list, description="When a release failed.", examples=[["local: ./tell-the-team failed"]]
    )


class Rollout(Section):
    """How a release goes over several servers."""

    batch: Batch = Field(1, description="How many servers at once: a number, or a share of them.", examples=[2, "25%"])
    pause: Seconds = Field(0.0, ge=0, le=86400, description="Seconds between two batches.", examples=[30.0])
    revert: Switch = Field(
        True, description="When one server fails, those already done go back to their old release.", examples=[False]
    )

    def batch_size(self, servers: int) -> int:
        """Return the size of a batch of so many servers: at least 1, a share is rounded up."""
        if isinstance(self.batch, int):
            return self.batch
        return max(1, -(-servers * int(self.batch.rstrip("%")) // 100))
