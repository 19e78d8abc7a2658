"""The interface between process managers and the steps. A manager's shell functions are in selvedge/shell/lib/<name>.sh."""

from __future__ import annotations

from selvedge.value import Value


class Manager(Value):
    """A process manager, which starts the app and keeps it running.

    packages: Debian packages that `install` adds. service: the service of these packages that must run, "" for none. installed:
    a file that exists once `install` has run. templates: the templates of the files in an instance's folder that it reads.
    process_template: that of a further process, "" for none. app_listens: whether the app opens its own socket. If not, the manager
    opens it and passes it on. contains: whether releases run in containers, from an image in place of a virtual environment.
    """

    name: str
    packages: tuple[str, ...]
    service: str
    installed: str
    templates: tuple[str, ...]
    process_template: str
    app_listens: bool
    contains: bool = False

    @property
    def socket_folder_mode(self) -> str:
        """The mode of the folder of the sockets. nginx's group, www-data, may enter it."""
        return "2750" if self.app_listens else "0750"

    def socket_folder_owner(self, app: str) -> str:
        """Return the owner of the folder of the sockets of the app called `app`."""
        return app if self.app_listens else "root"
