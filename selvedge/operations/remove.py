"""An app that leaves a server."""

from __future__ import annotations

from selvedge.config.target import Target
from selvedge.resources.base import Change, Resource
from selvedge.resources.nginx.certbot import PROGRAMS
from selvedge.resources.stamp import Stamp
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words

OF_BASE = ("releases", "venvs", "instances", "repo.git", "deploy_key", "deploy_key.pub", "git_known_hosts", "git_credentials",
           "previous.sock", "current", "live.sock")  # fmt: skip
"""What stands in the app's folder besides `shared` and `history`."""


class Removed(Resource):
    """Nothing of the app is on the server: no release, process, site or certificate.

    data: neither what it has written (`shared`, its logs), its history and its user. What several apps share, such as
    packages, stays.
    """

    app: Target
    data: bool

    def _enabled(self) -> tuple[str, ...]:
        """What nginx reads; the files that these include are read no more then."""
        return (self.app.paths.site_enabled, f"{self.app.paths.site_enabled}-tls")

    def _places(self) -> tuple[str, ...]:
        name, paths = self.app.name, self.app.paths
        written = (paths.base, paths.logs) if self.data else ()
        return (
            paths.site, f"{paths.site}-tls", f"/etc/nginx/snippets/{name}.conf", f"/etc/nginx/snippets/{name}-http.conf",
            f"/etc/logrotate.d/{name}", f"/etc/logrotate.d/{name}.app", f"/etc/tmpfiles.d/{name}.conf", f"/etc/selvedge/{name}",
            paths.supervisor_conf, paths.run, f"/var/cache/selvedge/{name}",
            Stamp(f"nginx-{name}").path, Stamp(f"nginx-tls-{name}").path,
            *(f"{paths.base}/{part}" for part in OF_BASE), *written,
        )  # fmt: skip

    def probe(self) -> str:
        looked = words(*self._enabled(), *self._places(), f"/etc/letsencrypt/renewal/{self.app.name}.conf")
        user = f"\nif getent passwd {quote(self.app.name)} >/dev/null; then echo 'user {self.app.name}'; fi" if self.data else ""
        return f'for path in {looked}; do if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi; done{user}'

    def plan(self, fact: str) -> Change | None:
        if not fact.strip():
            return None
        app, paths = self.app, self.app.paths
        stays = "with all that it has written" if self.data else f"{paths.shared} and {paths.logs} stay"
        shell = call(
            "remove_app",
            given=app.shell_values,
            enabled=" ".join(self._enabled()),
            places=" ".join(self._places()),
            certbot=PROGRAMS[app.tls.certbot],
            data=self.data,
        )
        return Change(
            f"remove {app.name} from the server, {stays}",
            shell,
            diff="\n".join(f"-{path}" for path in fact.split("\n") if path),
            noted=True,
        )
