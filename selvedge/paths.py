"""Every path on the server. They are strings, because they are paths of another machine."""

from __future__ import annotations

from selvedge.value import Value


class Paths(Value):
    """The paths of an app on a server. `app` is a valid app name, so no path needs quoting.

    carried: six hex digits for the files that go along with a commit (app.carry), and for its image if the command line names
    one; "" without them.
    """

    app: str
    carried: str = ""

    @property
    def base(self) -> str:
        """The app's folder, owned by root. The app may write only in `shared`."""
        return f"/srv/{self.app}"

    @property
    def repo(self) -> str:
        """The bare mirror that commits are fetched into."""
        return f"{self.base}/repo.git"

    @property
    def releases(self) -> str:
        """The checkouts, one for each commit; if files go along with it (app.carry), one for each content of these."""
        return f"{self.base}/releases"

    def release(self, commit: str) -> str:
        """Return the checkout of `commit`, named by its first 12 hex digits, and by those of the files that go along with it."""
        return f"{self.releases}/{commit[:12]}{f'-{self.carried}' if self.carried else ''}"

    def release_of(self, instance: str) -> str:
        """Return the checkout of an instance, whose name begins with that of its checkout."""
        return f"{self.releases}/{instance.rpartition('-')[0]}"

    @property
    def current(self) -> str:
        """The link to the live release."""
        return f"{self.base}/current"

    @property
    def shared(self) -> str:
        """The files that the app may write, shared by all releases."""
        return f"{self.base}/shared"

    @property
    def temporary(self) -> str:
        """The app's temporary files under supervisor, one folder for each release. Other users cannot read them."""
        return f"{self.shared}/.tmp"

    def image(self, commit: str) -> str:
        """Return the file with the id of a commit's image (app.manager = "docker")."""
        return f"{self.images}/{self.release(commit).rpartition('/')[2]}"

    @property
    def images(self) -> str:
        """A file for each commit that has an image."""
        return f"{self.base}/images"

    @property
    def venvs(self) -> str:
        """The virtual environments, one for each Python version and lock file."""
        return f"{self.base}/venvs"

    @property
    def instances(self) -> str:
        """The files that each running release is started with."""
        return f"{self.base}/instances"

    @property
    def timers(self) -> str:
        """The scripts of the timers' commands, and the one that records their runs."""
        return f"{self.base}/timers"

    @property
    def timer_records(self) -> str:
        """The last run of each timer of all apps. The same as $timers_records in timers.sh."""
        return "/var/lib/selvedge/timers"

    def timer_record(self, name: str) -> str:
        """Return the file with the last run of a timer."""
        return f"{self.timer_records}/{self.app}.{name}"

    def timer_log(self, name: str) -> str:
        """Return the log of a timer."""
        return f"{self.logs}/timer-{name}.log"

    def timer_unit(self, name: str) -> str:
        """Return the name of a timer's units in systemd, without their suffix (timers.sh)."""
        return f"selvedge-timer-{self.app}.{name}"

    @property
    def live_socket(self) -> str:
        """The link to the socket of the live release. nginx follows it at every connection."""
        return f"{self.base}/live.sock"

    @property
    def previous_socket(self) -> str:
        """The link to the previous release's socket, while both run. nginx tries it if the live release does not answer."""
        return f"{self.base}/previous.sock"

    @property
    def deploy_key(self) -> str:
        """The server's key for a private repository."""
        return f"{self.base}/deploy_key"

    @property
    def git_known_hosts(self) -> str:
        """The host keys of the git servers that this server fetches from."""
        return f"{self.base}/git_known_hosts"

    @property
    def git_credentials(self) -> str:
        """The user and token of a private repository over HTTPS. Only root can read it."""
        return f"{self.base}/git_credentials"

    @property
    def backup(self) -> str:
        """The program of the backups, its settings and secrets, restic's cache. Only root can read what is in it."""
        return f"{self.base}/backup"

    @property
    def run(self) -> str:
        """Sockets and locks. A reboot deletes them."""
        return f"/run/{self.app}"

    @property
    def logs(self) -> str:
        """The logs of the app and of its site."""
        return f"/var/log/{self.app}"

    @property
    def site(self) -> str:
        """The nginx site."""
        return f"/etc/nginx/sites-available/{self.app}"

    @property
    def site_enabled(self) -> str:
        """The link that enables the site."""
        return f"/etc/nginx/sites-enabled/{self.app}"

    @property
    def supervisor_conf(self) -> str:
        """The app's programs in supervisor."""
        return f"/etc/supervisor/conf.d/{self.app}.conf"

    @property
    def stop_unit(self) -> str:
        """The unit that has the processes of [processes] stop before supervisor does. No app has a dot in its name."""
        return f"selvedge-stop.{self.app}.service"

    @property
    def stop_script(self) -> str:
        """The program of that unit."""
        return f"{self.base}/stop_processes.py"

    @property
    def cache(self) -> str:
        """The cache of the tool that builds virtual environments. The app's user owns it, because it runs this tool."""
        return f"/var/cache/selvedge/{self.app}"

    @property
    def private(self) -> str:
        """The certificates that users bring: their own, or that of a private authority."""
        return f"/etc/selvedge/{self.app}"

    @property
    def build_env(self) -> str:
        """The variables for the build of a virtual environment (app.build_env_file). Only root can read it."""
        return f"{self.private}/build.env"

    @property
    def database_certificate(self) -> str:
        """The certificate of the database on another server (services.clients). The app reads it."""
        return f"{self.private}/database.pem"

    @property
    def notify_urls(self) -> str:
        """The addresses of the messages from this server. Only root can read it."""
        return f"{self.private}/notify-urls"

    @property
    def notify_settings(self) -> str:
        """The settings of these messages."""
        return f"{self.private}/notify.json"

    @property
    def certificate(self) -> str:
        """The user's own certificate with its key. Only root can read it."""
        return f"{self.private}/certificate.pem"

    @property
    def acme_ca(self) -> str:
        """The CA certificate of a private ACME server's own HTTPS."""
        return f"{self.private}/acme-ca.pem"

    @property
    def dns_credentials(self) -> str:
        """The credentials with which certbot writes to the DNS (tls.dns_credentials). Only root can read it."""
        return f"{self.private}/dns-credentials"

    @property
    def htpasswd(self) -> str:
        """The users of the site's password and the hashes of their passwords. Only root and nginx can read it."""
        return f"/etc/nginx/selvedge/{self.app}.htpasswd"

    @property
    def site_login(self) -> str:
        """The login for Selvedge's own requests to a site with a password, as a file of curl's. Only root can read it."""
        return f"{self.private}/site-login"

    @property
    def site_paths(self) -> str:
        """The folders of the names of all apps, with a file for each app that has only a path of the name (nginx.path)."""
        return "/etc/nginx/selvedge/sites"

    @property
    def site_cache(self) -> str:
        """The responses that nginx keeps (nginx.cache). nginx makes the folder, in one where its restrictions let it write."""
        return f"/var/lib/nginx/cache-{self.app}"

    @property
    def maintenance_page(self) -> str:
        """The page that a balancer shows if no backend answers."""
        return f"/etc/nginx/selvedge/{self.app}.html"

    @property
    def maintenance(self) -> str:
        """The files of `fab maintenance --on`, which nginx includes; missing while it is off. The same as in maintenance.sh."""
        return f"/etc/nginx/selvedge/{self.app}.maintenance"

    @property
    def drain_rules(self) -> str:
        """The rules of nftables with which a backend refuses its balancers."""
        return f"/etc/nginx/selvedge/{self.app}.drained.nft"

    @property
    def drain_mark(self) -> str:
        """The file that exists while a rollout has drained a backend."""
        return f"/etc/nginx/selvedge/{self.app}.drained-by-run"

    @property
    def drained_unit(self) -> str:
        """The unit that is on while a backend is drained. No app has a dot in its name."""
        return f"selvedge-drained.{self.app}.service"

    @property
    def leave_unit(self) -> str:
        """The unit that drains a backend at a shutdown."""
        return f"selvedge-leave.{self.app}.service"

    @property
    def path_site(self) -> str:
        """The server block of an app with a path, for as long as no app has the whole name. nginx reads it before other sites."""
        return f"/etc/nginx/conf.d/00-selvedge-{self.app}.conf"

    @property
    def metrics_format(self) -> str:
        """The format of the log for the metrics. nginx reads it before the files that use it, `path_site` among them."""
        return f"/etc/nginx/conf.d/00-log-selvedge-metrics-{self.app}.conf"

    @property
    def webroot(self) -> str:
        """The folder for HTTP-01 challenges (RFC 8555, 8.3), shared by all apps on the server."""
        return "/var/www/letsencrypt"

    @property
    def redis_conf(self) -> str:
        """The settings of the app's Redis."""
        return f"/etc/selvedge/redis/{self.app}.conf"

    @property
    def redis_data(self) -> str:
        """The data of the app's Redis. systemd makes the folder (templates/redis/unit.service.j2)."""
        return f"/var/lib/selvedge-redis/{self.app}"

    @property
    def shell_values(self) -> dict[str, str]:
        """The paths by the names of the variables that the shell functions in lib/ read."""
        return {
            "base": self.base,
            "run_dir": self.run,
            "log_dir": self.logs,
            "repo": self.repo,
            "site_enabled": self.site_enabled,
            "site_cache": self.site_cache,
            "site_login": self.site_login,
            "supervisor_conf": self.supervisor_conf,
            "live_socket": self.live_socket,
            "previous_socket": self.previous_socket,
            "deploy_key": self.deploy_key,
            "git_known_hosts": self.git_known_hosts,
            "git_credentials": self.git_credentials,
            "build_env": self.build_env,
        }
