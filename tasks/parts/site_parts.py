"""Parts of the site: what all apps share, and what only some have."""

import selvedge as sv


def needs(app):
    """Check that nginx is there, and the format of the log for the metrics."""
    yield sv.Needs("/etc/nginx/nginx.conf", "install")
    if app.metrics.enabled:
        yield sv.Needs(app.paths.metrics_format, "metrics")


def site_port(app, port, own, *, tls=False):
    """Check that the app's port can be used. own: the app's own files."""
    yield sv.Port(port, "nginx")
    yield sv.PortProtocol(port, tls, own)
    if app.machine.firewall:
        yield sv.PortAllowed(port, app.balancers)


def site_names(app, own):
    """Check that the app's names are free, or its path of these names. own: the app's own files."""
    paths = app.paths
    if not app.nginx.path:
        yield sv.ServerNamesFree(tuple(app.names), own, "" if app.domains else app.site_host, app.nginx.http_port)
        if app.challenge == "http":
            yield sv.NewNames(tuple(app.names), app.name, paths.site_enabled, paths.webroot)
    text = location(app).text
    yield sv.PathsFree(tuple(app.names), tuple(app.path_folders), sv.locations(text), own, app.nginx.path, app.nginx.http_port)


def shared(app):
    """Yield the files that the sites of all apps share."""
    yield sv.File("/etc/nginx/conf.d/selvedge.conf", sv.template("nginx/shared.conf.j2", app=app))
    # Its name sorts before those of the files that use the format.
    yield sv.File("/etc/nginx/conf.d/00-log-selvedge.conf", sv.template("nginx/log.conf.j2"))


def location(app):
    """Return the file with the app's locations: for an app with a path, the file that its site includes ([nginx] path)."""
    code = f"{app.paths.current}/{app.root}".rstrip("/")
    if app.nginx.path:
        return sv.LocationFile(app.location_file, sv.template("nginx/path.conf.j2", app=app, code=code))
    return sv.LocationFile(f"/etc/nginx/snippets/{app.name}.conf", sv.template("nginx/locations.conf.j2", app=app, code=code))


def locations(app):
    """Yield the files with the app's locations."""
    yield location(app)
    if app.nginx.path:
        yield sv.File(f"/etc/nginx/snippets/{app.name}.conf", sv.template("nginx/rest.conf.j2", app=app))
        yield sv.File(app.paths.path_site, sv.template("nginx/path-site.conf.j2", app=app))
        yield sv.FormerLocationsRemoved(app.name, app.location_file)
    else:
        for file in (app.paths.path_site, *app.former_sites):
            yield sv.Absent(file)
        yield sv.FormerLocationsRemoved(app.name, "")


def folders(app):
    """Yield the folders of passwords and of paths."""
    if app.nginx.basic_auth or app.nginx.path:
        yield sv.Directory("/etc/nginx/selvedge")
    if app.nginx.path:
        yield sv.Directory(app.paths.site_paths)
        yield sv.Directory(app.path_folders[0])


def balancing(app):
    """Yield the page of a balancer, or how a backend sends its balancers away: at `fab drain` and at a shutdown."""
    paths, folder = app.paths, "/etc/systemd/system"
    if app.backends or app.balancers:
        yield sv.Directory("/etc/nginx/selvedge")
    if app.backends:
        yield sv.File(paths.maintenance_page, sv.maintenance_page(app, 5, planned=False))
        return
    if not app.balancers:
        yield sv.NoBackend.of(app)
        return
    yield sv.File(paths.drain_rules, sv.template("balancer/drained.nft.j2", app=app))
    yield sv.File(f"{folder}/{paths.drained_unit}", sv.template("balancer/drained.service.j2", app=app))
    yield sv.DrainRules.of(app)
    enabled = f"{folder}/multi-user.target.wants/{paths.leave_unit}"
    if app.drains:
        leave = sv.File(f"{folder}/{paths.leave_unit}", sv.template("balancer/leave.service.j2", app=app))
        yield leave
        yield sv.Link(enabled, to=leave.path)
        yield sv.Service(paths.leave_unit, loads=(leave,), reload_command="systemctl daemon-reload")
    else:
        yield sv.Absent(enabled)
        yield sv.Absent(f"{folder}/{paths.leave_unit}")


def passwords(app):
    """Ask visitors for a password ([nginx] basic_auth)."""
    if app.nginx.basic_auth:
        yield sv.BasicAuth.of(app)
    else:
        yield sv.Absent(app.paths.htpasswd)
        yield sv.Absent(app.paths.site_login)


def boot_order(app):
    """Start nginx at boot when the app listens. Under systemd the app's socket is open from the beginning."""
    unit = f"/etc/systemd/system/selvedge-{app.name}-boot.service"
    enabled = f"/etc/systemd/system/multi-user.target.wants/selvedge-{app.name}-boot.service"
    manager = sv.process_manager(app)
    if app.backends:
        return
    if manager.app_listens:
        yield sv.File(unit, sv.template("nginx/boot.service.j2", app=app, manager=manager))
        yield sv.Link(enabled, to=unit)
    else:
        yield sv.Absent(enabled)
        yield sv.Absent(unit)
