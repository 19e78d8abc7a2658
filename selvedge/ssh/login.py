"""Logins: as the host's user, or as its bootstrap user before `harden`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from typing import Any

import paramiko
from fabric import Config, Connection
from paramiko.config import SSHConfig
from paramiko.ssh_exception import IncompatiblePeer

from selvedge.config.hosts import Host
from selvedge.ssh import known_hosts
from selvedge.ssh.authentication import KeyLogin, LoginRefused, Typed
from selvedge.ssh.config import ClientSettings, for_host, for_jump_host, login_users
from selvedge.ssh.failures import endless_jumps, socket_passing, unreachable
from selvedge.ssh.flags import configuration_file, typed_keys
from selvedge.ssh.host_keys import HostKeyCheck, HostKeyRefused
from selvedge.ssh.known_hosts import HostKey
from selvedge.ssh.named_files import check_named_files
from selvedge.ssh.proxy import open_proxy
from selvedge.ssh.refusals import login_refused
from selvedge.ssh.tcp import CONNECT_TIMEOUT, open_socket
from selvedge.ssh.transport import Transport

AUTH_TIMEOUT = 30
"""Seconds for the server to answer a login attempt."""
CHANNEL_TIMEOUT = 30.0
"""Seconds for the server to open a channel."""
KEEPALIVE = 5
"""Seconds between two messages on an idle connection, so that firewalls keep it and a dead one is noticed."""
MOST_JUMPS = 8
"""Jump hosts on the path to a server; more are a loop in ssh's configuration."""


class ServerConnection(Connection):
    """A Fabric connection with the settings that it was made from, and the check of its host key."""

    settings: Any = None
    check: Any = None

    def close(self) -> None:
        """End the connection and those to its jump hosts, also if the login has failed, which Fabric leaves open."""
        # The jump host may have closed its part already.
        with contextlib.suppress(OSError, EOFError):
            super().close()
        with contextlib.suppress(OSError, EOFError):
            self.client.close()
        if isinstance(self.gateway, Connection):
            self.gateway.close()


class Logins:
    """How this machine logs in to one host.

    config: Fabric's configuration, for its flags. warn: gets sentences about ssh's files that are not fully usable.
    proved: keys that the server has named over a checked connection of this run. configuration: the file of `fab -S`, "" for
    the usual ones.
    """

    def __init__(self, host: Host, config: Config, warn: Callable[[str], None], proved: Collection[HostKey] = ()) -> None:
        self.host = host
        # A new connection changes its configuration, which is empty for a moment: another host's thread must not see that.
        self._config = config.clone()
        self._warn = warn
        self._proved = proved
        self.configuration = configuration_file(config)
        # `ssh -G` has read ssh's configuration, which Fabric's reader does not know in full.
        self._config.base_ssh_config = SSHConfig()

    def log_in(self) -> Connection:
        """Return a connection as the host's user, or as another user of `login_users` if that one cannot log in yet.

        Raises UnreachableError; UsageError if ssh's configuration has an error, or if a file that the host's table names is not
        what it must be.
        """
        check_named_files(self.host)
        refusals = []
        for user in login_users(self.host, self.configuration):
            connection = self.unopened(user)
            try:
                self.open(connection)
            except LoginRefused as refused:
                connection.close()
                if refused.settings.name != connection.settings.name:
                    raise login_refused(self.host, [refused], jump_host=refused.settings.name) from None
                refusals.append(refused)
            else:
                return connection
        raise login_refused(self.host, refusals)

    def settings(self, user: str) -> ClientSettings:
        """Return the settings for a login as `user`. Raises UsageError if ssh's configuration has an error."""
        return for_host(self.host, user, self.configuration)

    def unopened(self, user: str) -> Connection:
        """Return a connection as `user` that is not open yet. Raises UsageError if ssh's configuration has an error."""
        settings = self.settings(user)
        connection = self._connection(settings, self.host.host_key)
        self._add_jumps(connection, settings)
        for sentence in [settings.note, *known_hosts.problems(settings.known_hosts)]:
            if sentence:
                self._warn(sentence)
        return connection

    def open(self, connection: Connection, jump: bool = False) -> None:
        """Open a connection, its jump hosts first. jump: it is a jump host itself.

        Raises UnreachableError, and LoginRefused if a server rejects the user.
        """
        path = [connection, *gateways(connection)][::-1]
        for each in path:
            try:
                self._open(each, direct=each is path[0])
            except LoginRefused:
                raise
            except (OSError, EOFError, paramiko.SSHException) as error:
                failed = unreachable(self.host, each, error, jump_host=jump or each is not connection)
                connection.close()
                raise failed from error
            each.transport.set_keepalive(KEEPALIVE)

    def _open(self, connection: Connection, *, direct: bool) -> None:
        """Open one connection: again if the server may have the pinned key besides those that it has shown.

        direct: it leads through no jump host.
        """
        check: HostKeyCheck = connection.check
        while True:
            if direct:
                connection.connect_kwargs["sock"] = self._socket(connection)
            try:
                connection.open()
                return
            except (HostKeyRefused, IncompatiblePeer) as error:
                connection.client.close()
                if not check.may_show_another(error):
                    raise check.refusal or error from None

    def open_path(self, connection: Connection) -> Any:
        """Return a socket to the server of a connection that stays closed: through its jump hosts, which are logged in to."""
        if not connection.gateway:
            return self._socket(connection)
        try:
            self.open(connection.gateway, jump=True)
        except LoginRefused as refused:
            raise login_refused(self.host, [refused], jump_host=refused.settings.name) from None
        return connection.open_gateway()

    def _socket(self, connection: Connection) -> Any:
        settings: ClientSettings = connection.settings
        if settings.proxy_command:
            return open_proxy(settings.proxy_command)
        timeout = settings.timeout or CONNECT_TIMEOUT
        return open_socket(settings.address, settings.port, settings.family, settings.bind_address, timeout)

    def _connection(self, settings: ClientSettings, pinned: str, jump: bool = False) -> Connection:
        check = HostKeyCheck(self.host, settings, pinned, jump, () if jump else self._proved)
        given = self._config.connect_kwargs
        typed = Typed(given.get("passphrase") or "", given.get("password") or "", () if jump else typed_keys(self._config))
        kwargs: dict[str, Any] = {
            "banner_timeout": settings.timeout or CONNECT_TIMEOUT, "auth_timeout": AUTH_TIMEOUT, "channel_timeout": CHANNEL_TIMEOUT,
            "transport_factory": lambda sock, **more: Transport(sock, check.algorithms(), **more),
            "auth_strategy": KeyLogin(settings, typed),
        }  # fmt: skip
        connection = ServerConnection("server", user=settings.user, port=settings.port, config=self._config, connect_kwargs=kwargs)
        connection.host = settings.address
        connection.gateway = None
        connection.settings, connection.check = settings, check
        connection.client.set_missing_host_key_policy(check)
        return connection

    def _add_jumps(self, connection: Connection, settings: ClientSettings) -> None:
        """Give the connection its jump hosts (ProxyJump). Raises UsageError for a loop of them."""
        for _ in range(MOST_JUMPS):
            if settings.proxy_passes_socket:
                raise socket_passing(self.host)
            if not settings.jumps:
                return
            *before, last = settings.jumps
            settings = for_jump_host(last, before, self.configuration)
            connection.gateway = self._connection(settings, "", jump=True)
            connection = connection.gateway
        raise endless_jumps(self.host, settings.name)


def gateways(connection: Connection) -> list[Connection]:
    """Return the jump hosts (ProxyJump in ssh_config(5)), the one next to the host first."""
    found = []
    while isinstance(connection.gateway, Connection):
        connection = connection.gateway
        found.append(connection)
    return found
