"""Every path on the server, once. Strings, since they go into files and command lines of another machine."""

from __future__ import annotations

from selvedge.value import Value


class Paths(Value):
    """Where the app called `app` stands on a server. `app` is a valid app name, so no path here needs quoting."""

    app: str

    @property
    def base(self) -> str:
        """The app's folder, root's own; the app may write only in `shared`."""
        return f"/srv/{self.app}"

    @property
    def repo(self) -> str:
        """The bare mirror that commits are fetched into."""
        return f"{self.base}/repo.git"

    @property
    def releases(self) -> str:
        """One checkout a commit."""
        return f"{self.base}/releases"

    def release(self, commit: str) -> str:
        """The checkout of `commit` (its first 12 hex digits name it)."""
        return f"{self.releases}/{commit[:12]}"

    @property
    def current(self) -> str:
        """The link to the live release."""
        return f"{self.base}/current"

    @property
    def shared(self) -> str:
        """What the app may write; survives releases."""
        return f"{self.base}/shared"

    @property
    def temporary(self) -> str:
        """The app's temporary files under supervisor, a folder a release: nobody else may look in."""
        return f"{self.shared}/.tmp"

    @property
    def venvs(self) -> str:
        """Virtual environments, one for each Python version and lock."""
        return f"{self.base}/venvs"

    @property
    def env(self) -> str:
        """The app's environment, 0640; outside `shared`, so that the app cannot change what its manager reads."""
        return f"{self.base}/env"

    @property
    def instances(self) -> str:
        """What each running release is started with."""
        return f"{self.base}/instances"

    @property
    def live_socket(self) -> str:
        """The link that nginx follows at every connection: the socket of the live release."""
        return f"{self.base}/live.sock"

    @property
    def records(self) -> str:
        """What was released when, and how it ended."""
        return f"{self.base}/records"

    @property
    def deploy_key(self) -> str:
        """The server's own key for a private repository."""
        return f"{self.base}/deploy_key"

    @property
    def git_known_hosts(self) -> str:
        """The host keys of the git servers that this server fetches from."""
        return f"{self.base}/git_known_hosts"

    @property
    def git_credentials(self) -> str:
        """The user and token of a private repository over HTTPS, root's alone."""
        return f"{self.base}/git_credentials"

    @property
    def run(self) -> str:
        """Sockets and locks; gone at a reboot."""
        return f"/run/{self.app}"

    @property
    def logs(self) -> str:
        """The app's and the site's logs."""
        return f"/var/log/{self.app}"

    @property
    def site(self) -> str:
        """The nginx site."""
        return f"/etc/nginx/sites-available/{self.app}"

    @property
    def site_enabled(self) -> str:
        """The link that makes nginx read the site."""
        return f"/etc/nginx/sites-enabled/{self.app}"

    @property
    def supervisor_conf(self) -> str:
        """supervisor's programs of the app."""
        return f"/etc/supervisor/conf.d/{self.app}.conf"

    @property
    def certificate(self) -> str:
        """A certificate of the user's own, with its key; root's alone."""
        return f"/etc/selvedge/{self.app}/certificate.pem"

    @property
    def acme_ca(self) -> str:
        """The private authority that the HTTPS of the certificate authority is signed by."""
        return f"/etc/selvedge/{self.app}/acme-ca.pem"

    @property
    def webroot(self) -> str:
        """Where certbot answers the challenges of the certificate authority, for all apps of the server."""
        return "/var/www/letsencrypt"

    @property
    def shell_values(self) -> dict[str, str]:
        """The paths under the names that the shell functions in lib/ read."""
        return {
            "base": self.base,
            "run_dir": self.run,
            "log_dir": self.logs,
            "repo": self.repo,
            "site_enabled": self.site_enabled,
            "supervisor_conf": self.supervisor_conf,
            "live_socket": self.live_socket,
            "deploy_key": self.deploy_key,
            "git_known_hosts": self.git_known_hosts,
            "git_credentials": self.git_credentials,
        }
