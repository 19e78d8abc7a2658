"""The site of an app on a host: its names, its ports and its address."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import model_validator

from selvedge.config.app import App
from selvedge.config.hosts import Host
from selvedge.config.nginx import Nginx
from selvedge.config.server import Tls
from selvedge.paths import Paths


class SiteSettings(App):
    """The settings of an app with those of its host, its site and its certificate.

    ssh_address: where ssh connects to. page_on_backends: of a balancer's site, whether a backend has `nginx.spa`. balancer_url:
    of a backend without a domain, the address of its first balancer, "" if that has none in hosts.toml.
    """

    host: Host
    tls: Tls
    nginx: Nginx
    ssh_address: str = ""
    page_on_backends: bool = False
    balancer_url: str = ""

    @property
    def url(self) -> str:
        """The address of the app."""
        return f"{self._origin}{self.nginx.path}/"

    @property
    def announced_url(self) -> str:
        """The address of the app for visitors, who cannot open a backend's own address."""
        return self.balancer_url or self.url

    @property
    def health_url(self) -> str:
        """The address of the health check."""
        return f"{self._origin}{self.at(self.health_path)}"

    @property
    def _origin(self) -> str:
        if self.has_tls:
            return f"https://{self.site_host}{self.https_suffix}"
        # With a load balancer, visitors see its ports.
        return f"https://{self.site_host}" if self.domains else f"http://{self.site_host}{self.http_suffix}"

    @property
    def http_suffix(self) -> str:
        """The port of HTTP in an address: "" for 80, else ":8080"."""
        return "" if self.nginx.http_port == 80 else f":{self.nginx.http_port}"

    @property
    def https_suffix(self) -> str:
        """The port of HTTPS in an address: "" for 443, else ":8443"."""
        return "" if self.nginx.https_port == 443 else f":{self.nginx.https_port}"

    def origin(self, name: str, scheme: str = "https") -> str:
        """Return the beginning of the addresses of a host name, with the site's port if the app itself answers there."""
        if not self.has_tls or name not in self.served_names:
            return f"https://{name}"
        return f"{scheme}://{name}{self.https_suffix if scheme == 'https' else self.http_suffix}"

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports at which nginx answers for the app: HTTP, and HTTPS if the certificate is on this server."""
        return (self.nginx.http_port, self.nginx.https_port) if self.has_tls else (self.nginx.http_port,)

    def at(self, path: str) -> str:
        """Return a path of the app as visitors see it, below `nginx.path`."""
        return f"{self.nginx.prefix}{path}"

    @property
    def health_path(self) -> str:
        """The path of the health check. A page in front of the app (`nginx.spa`) hides its `/`: then it is a path of no one."""
        return "/.selvedge-health" if self._page_hides_health else self.health

    @property
    def health_ranges(self) -> list[tuple[int, int]]:
        """The accepted statuses; with a path of no one, each answer of a working app: 404 is one."""
        return [(200, 499)] if self._page_hides_health and self.health_status == ["200-399"] else super().health_ranges

    @property
    def _page_hides_health(self) -> bool:
        return (bool(self.nginx.spa) or self.page_on_backends) and self.health == "/"

    @property
    def health_host_header(self) -> str:
        """The Host header of a health check: `health_host`, else the first name at which the app answers, else localhost."""
        return self.health_host or (self.served_names[0] if self.domains else "localhost")

    @property
    def site_host(self) -> str:
        """The name or address in `url`."""
        if self.domains:
            return self.served_names[0]
        address = self.host.address or self.host.name
        # A visitor does not know the names of ssh's configuration.
        if self.ssh_address and not re.search("[.:]", address) and self.ssh_address not in ("localhost", "127.0.0.1", "::1"):
            address = self.ssh_address
        return f"[{address}]" if ":" in address else address

    @property
    def served_names(self) -> list[str]:
        """The host names at which the app itself answers: `domains` without those that are redirected, wildcards last."""
        return sorted((name for name in self.domains if name not in self.nginx.redirects), key=is_wildcard)

    @property
    def server_names(self) -> list[str]:
        """The names of the app's server block. Those of an app with a path are regular expressions.

        nginx prefers the exact names of an app that has the whole site, and any exact name to a wildcard.
        """
        if not self.nginx.path:
            return self.served_names or ["_"]
        patterns = (re.escape(name).replace(r"\*", "[^.]+") for name in self.served_names)
        return [f"~^{pattern}$" for pattern in patterns] or [f"_{self.name}"]

    @property
    def nginx_id(self) -> str:
        """The app's name as a part of nginx's variables and zones."""
        return self.name.replace("-", "_").replace(".", "__")

    @property
    def path_folders(self) -> list[str]:
        """The folders whose files pass paths of the app's site to other apps, one for each name.

        An app with a path has its own file in the first. `*` in a folder's name would have a meaning for nginx.
        """
        return [f"{Paths(self.name).site_paths}/{name.replace('*', '_')}" for name in self.served_names or ["_"]]

    @property
    def path_folder(self) -> str:
        """The folder of an app with a path, "" for another app: the site of the name may have another app's certificate."""
        return self.path_folders[0] if self.nginx.path else ""

    @property
    def location_file(self) -> str:
        """The file that passes the app's path of a site to the app."""
        return f"{self.path_folders[0]}/{self.name}.conf"

    @property
    def names(self) -> list[str]:
        """All host names of the app, redirected ones included."""
        redirected = (name for names in self.nginx.redirected_names.values() for name in names)
        return list(dict.fromkeys([*self.domains, *redirected]))

    @property
    def certificate_names(self) -> list[str]:
        """The names of the certificate: `names` without those that a wildcard covers, which authorities refuse beside it."""
        return [name for name in self.names if f"*.{name.partition('.')[2]}" not in self.names or is_wildcard(name)]

    @property
    def has_tls(self) -> bool:
        """True if the certificate is on this server, not on a load balancer."""
        return bool(self.domains) and not self.tls.upstream

    @property
    def challenge(self) -> str:
        """How certbot proves that the names are yours: "http" or "dns"; "" if this server has no certificate from certbot."""
        return self.tls.challenge if self.has_tls and not self.tls.certificate else ""

    @model_validator(mode="after")
    def _check_challenge(self) -> Self:
        wildcard = next(filter(is_wildcard, self.domains), "")
        if wildcard and self.challenge == "http":
            raise ValueError(
                f"app.domains has the wildcard {wildcard}, for which an authority gives a certificate only over DNS: set "
                'challenge = "dns" and dns_plugin under [tls], or bring a certificate (certificate and certificate_key)'
            )
        if wildcard and is_wildcard(self.served_names[0]):
            raise ValueError(
                f"app.domains has no name but the wildcard {wildcard}: add a name at which the app is announced, such as "
                f"{wildcard.removeprefix('*.')}"
            )
        if self.challenge == "http" and self.nginx.http_port != 80:
            raise ValueError(
                f"nginx.http_port is {self.nginx.http_port}, but the certificate authority connects to port 80 (http-01): set "
                'challenge = "dns" and dns_plugin under [tls], or bring a certificate (certificate and certificate_key)'
            )
        return self

    @model_validator(mode="after")
    def _check_ssh_port(self) -> Self:
        for key in ("http_port", "https_port"):
            if getattr(self.nginx, key) == (self.host.port or 22):
                raise ValueError(f"nginx.{key} is {self.host.port or 22}, the port of ssh: choose another one")
        return self

    @model_validator(mode="after")
    def _check_rate_limit(self) -> Self:
        if self.nginx.rate_limit and self.tls.upstream and not self.nginx.trusted_proxies:
            raise ValueError(
                "nginx.rate_limit counts the requests of each address, and all from your load balancer (tls.upstream) have its "
                "address: name it in nginx.trusted_proxies, so that nginx learns the addresses of the visitors"
            )
        return self

    @model_validator(mode="after")
    def _check_cache(self) -> Self:
        if self.nginx.cache and not self.release_header:
            raise ValueError(
                "nginx.cache needs app.release_header: by the header X-Release nginx knows that a response is one of the live "
                "release. Leave app.release_header at true, or delete nginx.cache"
            )
        return self

    @model_validator(mode="after")
    def _check_redirected_names(self) -> Self:
        names = self.nginx.redirected_names
        if names and not self.served_names:
            redirected = next(iter(names.values()))[0]
            problem = f"nginx.redirects has the host name {redirected}, but app.domains has no name at which the app itself answers"
            raise ValueError(f"{problem}: add that name to app.domains")
        for source, to in self.nginx.redirected_paths.items():
            found = urlsplit(to)
            if found.hostname in self.served_names and found.path in self.nginx.redirected_paths:
                raise ValueError(f"nginx.redirects: {source} leads to {to}, which is redirected, too: name the last address")
        return self


def concrete(name: str) -> str:
    """Return a host name to look up: for a wildcard, a name that it covers."""
    return name.replace("*", "any-name", 1)


def is_wildcard(name: str) -> bool:
    """Return whether a host name is a wildcard, as in *.example.com."""
    return name.startswith("*.")
