"""`[nginx]`. The reference page shows the descriptions."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from selvedge.config.delivery import Delivery
from selvedge.config.nginx_types import (
    PROXIES,
    Directory,
    OptionalDirectory,
    OptionalSitePath,
    RedirectFrom,
    RedirectTo,
    TrustedProxy,
    UserName,
)
from selvedge.config.secret_names import PASSWORD_PREFIX
from selvedge.config.types import LocalPath, Port, Size, Switch, UrlPrefix, Whole


def password_variable(user: str) -> str:
    """Return the environment variable with the password of a user of `basic_auth`."""
    return PASSWORD_PREFIX + user.upper().replace(".", "_").replace("-", "_")


def below(path: str, folder: str) -> bool:
    """Return whether a path is `folder`, or is in it."""
    return path == folder or path.startswith((f"{folder}/", f"{folder}?"))


class Nginx(Delivery):
    """The web server in front of the app."""

    http_port: Port = Field(
        80,
        description="The port for HTTP. With another one than 80, the certificate needs `tls.challenge = \"dns\"` or your own "
        "files. Apps of one server may have different ports; those that share a name need the same ones.",
        examples=[8080],
    )
    https_port: Port = Field(443, description="The port for HTTPS. Addresses of the app then contain it.", examples=[8443])
    max_body: Size = Field(
        "10m",
        description="The largest request body, for example an upload. `0` removes the limit.",
        examples=["100m"],
    )
    path: OptionalSitePath = Field(
        "",
        description="Answer at this path of the names in `app.domains` (or of the server's address) only. Other apps of the server "
        "can have the rest of the same name. Paths in other settings, such as `app.health`, stay as the app has them.",
        examples=["/api"],
    )
    strip_path: Switch = Field(
        True,
        description="Tell the app its `path` as `root_path`, so that its routes do not contain it. `False`: the routes "
        "of the app begin with the path.",
        examples=[False],
    )
    static: dict[UrlPrefix, Directory] = Field(
        default_factory=dict,
        description="Files of the release that nginx serves without the app: URL prefix = folder in the app's folder.",
        examples=[{"/static": "static"}],
    )
    media: dict[UrlPrefix, Directory] = Field(
        default_factory=dict,
        description="Files that the app writes and nginx serves, such as uploads: URL prefix = folder in `/srv/NAME/shared`.",
        examples=[{"/media": "uploads"}],
    )
    spa: OptionalDirectory = Field(
        "",
        description="A folder of the repository with a page (`index.html`) whose JavaScript handles paths in the browser. nginx "
        "serves its files first and passes other requests to the app. Where the app answers 404 to a browser, it serves the page.",
        examples=["frontend/dist"],
    )
    redirects: dict[RedirectFrom, RedirectTo] = Field(
        default_factory=dict,
        description="Permanent redirects: from a host name or an exact path, to a host name (the path is kept), an https:// "
        "address or a path. A host name here also gets a certificate; it need not be in `app.domains`.",
        examples=[{"www.example.com": "example.com", "/old": "/new"}],
    )
    trusted_proxies: list[TrustedProxy] = Field(
        default_factory=list,
        description="The proxies whose headers tell the client's address and scheme: addresses, networks, or `cloudflare`. "
        "Without them, the app, the logs and the limits see the proxy's address.",
        examples=[["10.0.0.0/8", "cloudflare"]],
    )
    basic_auth: list[UserName] = Field(
        default_factory=list,
        description="The users who may see the site, after a password (HTTP basic authentication). The password of `me` is in "
        "the environment variable `SELVEDGE_BASIC_AUTH_ME`, or in `.env` beside hosts.toml.",
        examples=[["me"]],
    )
    include: LocalPath = Field(
        "",
        description="A file on your machine with lines of your own for the site: nginx directives that are allowed in `server`. "
        "In a file whose name ends with `.j2`, `{{ app.name }}` and other settings are filled in.",
        examples=["nginx-extra.conf"],
    )
    large_headers: Switch = Field(
        False,
        description="Accept request and response headers of up to 64 kB in place of 8 kB, for example large cookies or tokens.",
        examples=[True],
    )
    read_timeout: Whole = Field(
        60,
        ge=1,
        le=86400,
        description="Seconds that nginx waits for the app's next data. Raise it for slow requests and quiet WebSockets.",
        examples=[300],
    )
    default_server: Switch = Field(
        True,
        description="Close connections for host names that no site has, if the app has `domains`. It applies to the whole server, "
        "so set it alike in all its apps.",
        examples=[False],
    )

    @model_validator(mode="after")
    def _check_ports(self) -> Self:
        if self.http_port == self.https_port:
            raise ValueError(f"http_port and https_port are both {self.http_port}: choose another port for one of them")
        return self

    @model_validator(mode="after")
    def _check_prefixes(self) -> Self:
        both = {prefix.rstrip("/") for prefix in self.static} & {prefix.rstrip("/") for prefix in self.media}
        if both:
            raise ValueError(f"{min(both)} is in both static and media: remove it from one of them")
        return self

    @model_validator(mode="after")
    def _check_path(self) -> Self:
        if not self.path:
            return self
        if self.spa:
            raise ValueError("spa and path exclude each other: serve the page at / of a name of its own, or from the app")
        if self.redirected_names:
            name = next(iter(self.redirected_names.values()))[0]
            raise ValueError(f"redirects: an app with path cannot redirect the name {name}: let the app at / of the name do it")
        outside = [] if self.strip_path else [each for each in self._own_paths if not below(each, self.path)]
        if outside:
            problem = f"{outside[0]} is not below the path {self.path}, with which the app's routes begin (strip_path = false)"
            raise ValueError(f"{problem}: write {self.path}{outside[0]}")
        return self

    @model_validator(mode="after")
    def _check_redirects(self) -> Self:
        for source, to in self.redirects.items():
            if to.startswith("/") and not source.startswith("/"):
                raise ValueError(f"redirects: the host name {source} leads to the path {to}: name a host or an https:// address")
            if to.partition("?")[0] in self.redirects:
                raise ValueError(f"redirects: {source} leads to {to}, which is redirected, too: name the last address")
        names: dict[str, str] = {}
        for user in self.basic_auth:
            other = names.setdefault(password_variable(user), user)
            if other != user:
                raise ValueError(f"basic_auth: {other} and {user} have the same variable {password_variable(user)}: rename one")
        return self

    @property
    def _own_paths(self) -> list[str]:
        """The paths that nginx answers itself."""
        return [*self.static, *self.media, *self.redirected_paths]

    @property
    def prefix(self) -> str:
        """The part of the site's paths that the app's own paths do not have: `path`, or nothing."""
        return self.path if self.strip_path else ""

    @property
    def proxy_networks(self) -> list[str]:
        """The networks of `trusted_proxies`, each once."""
        return list(dict.fromkeys(each for proxy in self.trusted_proxies for each in PROXIES.get(proxy, (proxy,))))

    @property
    def redirected_names(self) -> dict[str, list[str]]:
        """The host names that are redirected, by their target."""
        found: dict[str, list[str]] = {}
        for source, to in self.redirects.items():
            if not source.startswith("/"):
                found.setdefault(to, []).append(source)
        return found

    @property
    def redirected_paths(self) -> dict[str, str]:
        """The paths that are redirected, with their targets: paths and addresses. The same path of another host has its address."""
        paths = ((source, to) for source, to in self.redirects.items() if source.startswith("/"))
        return {source: to if to.startswith(("/", "https://")) else f"https://{to}{source}" for source, to in paths}
