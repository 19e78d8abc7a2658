"""`[tls]`, `[server]`, `[hooks]`, `[rollout]`. The reference page shows the descriptions."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from selvedge.config.package_names import DebianPackage
from selvedge.config.section import Section
from selvedge.config.types import (
    Batch,
    Clock,
    DnsPlugin,
    EabKeyId,
    Email,
    HookList,
    HttpsUrl,
    LocalFile,
    LocalPath,
    Network,
    Port,
    Seconds,
    Switch,
    Whole,
)

DEBIAN_PLUGINS = (
    "cloudflare", "digitalocean", "dnsimple", "gandi", "gehirn", "google", "linode", "ovh", "rfc2136", "route53", "sakuracloud",
)  # fmt: skip
"""The DNS plugins of certbot that Debian 12 and Ubuntu 22.04 have as python3-certbot-dns-NAME (`apt-cache search`)."""


class Tls(Section):
    """The certificate for HTTPS. These settings matter if `app.domains` has a name."""

    email: Email = Field(
        "",
        description="Your e-mail address for the certificate authority, which may write if a certificate has a problem.",
        examples=["me@example.com"],
    )
    staging: Switch = Field(
        False,
        description="Use Let's Encrypt's staging server, which has generous limits, to test a setup. Browsers do not trust its "
        "certificates.",
        examples=[True],
    )
    certbot: Literal["apt", "snap", "pip"] = Field(
        "apt", description="The source that certbot is installed from. snap and pip have newer versions.", examples=["snap"]
    )
    acme_server: HttpsUrl = Field(
        "",
        description="The directory URL of another certificate authority that speaks ACME. Default: Let's Encrypt.",
        examples=["https://acme.example.com/directory"],
    )
    acme_ca: LocalPath = Field(
        "",
        description="A PEM file on your machine with the CA certificate that signed the certificate of `acme_server` itself. "
        "Set it for a private authority.",
        examples=["acme-ca.pem"],
    )
    eab_kid: EabKeyId = Field(
        "",
        description="The key id of your account at `acme_server`, for an authority that wants one (external account binding). Its "
        "HMAC key is in the environment variable `SELVEDGE_EAB_HMAC_KEY`, or in `.env` beside hosts.toml.",
        examples=["kid-1"],
    )
    challenge: Literal["http", "dns"] = Field(
        "http",
        description="How the authority checks that a name is yours: it requests a file at port 80, or reads a record in DNS. `dns` "
        "needs no open port and allows wildcards.",
        examples=["dns"],
    )
    dns_plugin: DnsPlugin = Field(
        "",
        description="certbot's plugin for your DNS provider, with `challenge = \"dns\"`: the NAME in `certbot-dns-NAME`. Debian "
        f"has {', '.join(DEBIAN_PLUGINS)}. With `certbot = \"pip\"`, each plugin on the Python package index can be used.",
        examples=["cloudflare"],
    )
    dns_credentials: LocalPath = Field(
        "",
        description="A file on your machine with the credentials of your DNS provider, as the plugin reads it. Only root can read "
        "it on the server. Or put its content into the environment variable `SELVEDGE_DNS_CREDENTIALS`.",
        examples=["cloudflare.ini"],
    )
    dns_propagation: Whole = Field(
        0,
        ge=0,
        le=7200,
        description="Seconds that certbot waits after it has written to the DNS, until all name servers have the record. 0: as "
        "long as the plugin waits by default.",
        examples=[120],
    )
    certificate: LocalPath = Field(
        "",
        description="Your own certificate chain, a PEM file on your machine. certbot is not used then, and you renew it.",
        examples=["hello.example.com.pem"],
    )
    certificate_key: LocalPath = Field(
        "",
        description="The private key of `certificate`, a PEM file on your machine without a passphrase.",
        examples=["hello.example.com.key"],
    )
    upstream: Switch = Field(
        False,
        description="Set it if a load balancer in front of the server handles HTTPS. The server then has no certificate, and the "
        "app is told that requests came over HTTPS. List the balancer in `nginx.trusted_proxies`, too.",
        examples=[True],
    )
    hsts: Whole = Field(
        0,
        ge=0,
        le=63072000,
        description="Seconds for which browsers use only HTTPS for the site (the header Strict-Transport-Security); 0 sends no "
        "header. Browsers remember it, so begin with a few minutes.",
        examples=[31536000],
    )

    @model_validator(mode="after")
    def _check_certificate(self) -> Self:
        if bool(self.certificate) != bool(self.certificate_key):
            missing = "certificate_key" if self.certificate else "certificate"
            raise ValueError(f"{missing} is missing: certificate and certificate_key need each other, so set both or neither")
        if self.staging and self.acme_server:
            raise ValueError("staging and acme_server cannot both be set: staging selects Let's Encrypt's staging server")
        if self.upstream and self.certificate:
            raise ValueError("upstream and certificate cannot both be set: with upstream, the load balancer has the certificate")
        if self.eab_kid and not self.acme_server:
            raise ValueError("eab_kid needs acme_server, the authority that gave it to you: Let's Encrypt has no such accounts")
        return self

    @model_validator(mode="after")
    def _check_dns(self) -> Self:
        if self.challenge == "http":
            useless = next((key for key in ("dns_plugin", "dns_credentials", "dns_propagation") if getattr(self, key)), "")
            if useless:
                raise ValueError(f'{useless} has no effect without challenge = "dns": set that, or delete {useless}')
            return self
        if not self.dns_plugin:
            raise ValueError('dns_plugin is missing: challenge = "dns" needs the name of certbot\'s plugin, such as "cloudflare"')
        if self.certbot == "snap":
            raise ValueError('certbot = "snap" and challenge = "dns" cannot both be set: set certbot = "apt" or "pip"')
        if self.certbot == "apt" and self.dns_plugin not in DEBIAN_PLUGINS:
            raise ValueError(f'dns_plugin: Debian has no plugin {self.dns_plugin} of certbot: set certbot = "pip", or correct it')
        if self.dns_plugin == "route53" and self.dns_credentials:
            raise ValueError("dns_credentials: route53 reads no such file: put it on the server as /root/.aws/credentials")
        if self.dns_plugin == "route53" and self.dns_propagation:
            raise ValueError("dns_propagation: route53 has no such option, because it asks AWS when the record is there: delete it")
        return self


class Server(Section):
    """Updates, logins and the firewall of the server. The steps `update` and `harden` apply these settings."""

    upgrade: Switch = Field(
        True, description="Upgrade all installed packages when you run `fab update` or `fab setup`.", examples=[False]
    )
    unattended_upgrades: Switch = Field(
        True, description="Install security updates automatically every day.", examples=[False]
    )
    automatic_reboot: Switch = Field(
        True,
        description="Reboot at `reboot_time` if a security update needs it. If you turn it off, `fab status` tells you when to "
        "reboot.",
        examples=[False],
    )
    reboot_time: Clock = Field(
        "04:00", description="The time of an automatic reboot, in the server's time zone.", examples=["03:30"]
    )
    packages: list[DebianPackage] = Field(
        default_factory=list,
        description="More Debian packages that `fab install` installs, for example libraries that the app loads, or "
        "compilers that its requirements need.",
        examples=[["libgl1", "build-essential"]],
    )
    firewall: Switch = Field(
        True,
        description="Set up the firewall ufw, which allows only SSH, HTTP, HTTPS and `open_ports`. Turn it off if another "
        "firewall protects the server.",
        examples=[False],
    )
    open_ports: list[Port] = Field(
        default_factory=list, description="More TCP ports that the firewall opens.", examples=[[8443]]
    )
    fail2ban: Switch = Field(
        True,
        description="Ban addresses for a while that repeatedly fail to log in or that probe the site.",
        examples=[False],
    )
    ignore_ips: list[Network] = Field(
        default_factory=list,
        description="Addresses and networks that fail2ban never bans, for example your office.",
        examples=[["198.51.100.7", "2001:db8::/32"]],
    )
    sudo: Literal["nopasswd", "password"] = Field(
        "nopasswd",
        description="Whether sudo asks the login user for a password. With `password`, pass it to each run with "
        "`--prompt-for-sudo-password` or `SELVEDGE_SUDO_PASSWORD`.",
        examples=["password"],
    )
    authorized_keys: list[LocalFile] = Field(
        default_factory=list,
        description="Public key files on your machine whose owners may log in as the host's `user`. List your colleagues' keys "
        "here, and your own. Default: public half of the host's `key`, else the SSH agent's keys.",
        examples=[["~/.ssh/id_ed25519.pub"]],
    )
    allow_forwarding: Switch = Field(
        False,
        description="Allow SSH to forward ports, agents and X11, for example for a tunnel to a database.",
        examples=[True],
    )


class Hooks(Section):
    """Your own commands before, during and after a release: one string or a list.

    `sh` runs each command as you wrote it: on the server, as the app's user in the app's folder of the release; or on your
    machine, if the command begins with `local:`. Local commands of a hook run first. The variables `RELEASE`, `COMMIT` (the
    full hash), `PREVIOUS` (the release that was live before; empty at the first deploy), `HOST` (the name in hosts.toml) and
    `ACTION` (`deploy`, `rollback`, `restart`, or `revert` after a failure on another server) are set.
    With `app.manager = "docker"`, `before_switch` and `after_switch` run in a container of the release.
    """

    before_build: HookList = Field(
        default_factory=list,
        description="Run once, before the virtual environment is built. If a command fails, the deploy stops. With `app.carry`, "
        "its commands for your machine run before the release is made, because they build a part of it.",
        examples=[["npm ci", "npm run build"]],
    )
    after_build: HookList = Field(
        default_factory=list,
        description="Run once, after the virtual environment is built and the start script is written, before the migration. "
        "If a command fails, the deploy stops.",
        examples=[["python manage.py check"]],
    )
    before_switch: HookList = Field(
        default_factory=list,
        description="Run at each deploy, rollback and restart when the release is healthy, before it gets requests; its `local:` "
        "commands already before it starts. If a command fails, the previous release stays live.",
        examples=[["./warm-up"]],
    )
    after_switch: HookList = Field(
        default_factory=list,
        description="Run at each deploy, rollback and restart when the release is live, and at a deploy after the commands have "
        "changed. If a command fails, the run exits with 1, and the release stays live.",
        examples=[["local: ./tell-the-team released"]],
    )
    on_failure: HookList = Field(
        default_factory=list,
        description="Run after a deploy, rollback or restart has failed, on the server in `/srv/NAME/shared`. The variable "
        "`ERROR` has the message. If a command fails, Selvedge reports that, and nothing else changes.",
        examples=[["local: ./tell-the-team failed"]],
    )


class Rollout(Section):
    """A release on several servers. It is built on all of them first; then the first server switches alone, then the batches."""

    batch: Batch = Field(
        1,
        description="How many servers switch at the same time: a number, or a share of all servers.",
        examples=[2, "25%"],
    )
    pause: Seconds = Field(
        0.0, ge=0, le=86400, description="Seconds to wait between two batches.", examples=[30.0]
    )
    connections: Whole = Field(
        32,
        ge=1,
        le=500,
        description="To how many servers a command connects at the same time, at most.",
        examples=[10],
    )
    revert: Switch = Field(
        True,
        description="If a server fails, switch the servers before it back to their previous release.",
        examples=[False],
    )

    drain: Switch = Field(
        False,
        description="Send the balancers away from a backend (`[balancer]`) before `fab update` upgrades it and before it reboots, "
        "one backend after the other. Automatic reboots are then 10 minutes apart.",
        examples=[True],
    )

    def batch_size(self, servers: int) -> int:
        """Return the size of a batch of so many servers: at least 1, a share is rounded up."""
        if isinstance(self.batch, int):
            return self.batch
        return max(1, -(-servers * int(self.batch.rstrip("%")) // 100))
