"""The site: nginx in front of the app."""

import selvedge as sv
from selvedge.release import preconditions

from .parts.bans import site_bans
from .parts.site_parts import balancing, boot_order, folders, locations, needs, passwords, shared, site_names, site_port


@sv.step(phase="switch", precondition=preconditions.site)
def nginx(app):
    """Configure nginx to serve the app."""
    paths = app.paths
    own = (paths.site_enabled, f"{paths.site_enabled}-tls", paths.path_site, app.location_file, *app.former_sites)
    yield from needs(app)
    if app.nginx.brotli:
        yield sv.NginxModules("brotli", "libnginx-mod-http-brotli-filter", "libnginx-mod-http-brotli-static")
    yield from site_port(app, app.nginx.http_port, own)
    yield from site_names(app, (*own, *app.app_sites))
    # After a rotation nginx's workers open the logs as www-data: they may enter the folder, but not list it.
    yield sv.Directory(paths.logs, "0710", group="www-data")
    yield sv.NginxLogs(tuple(f"{paths.logs}/nginx-{kind}.log" for kind in ("access", "error", "missed")))
    yield sv.Directory(paths.webroot)
    yield sv.NginxRestrictions("/etc/systemd/system/nginx.service.d/50-selvedge.conf", sv.template("nginx/box.conf.j2"))
    yield from boot_order(app)
    yield from balancing(app)
    yield from sv.static_folders(app, paths.current)
    yield from (sv.MediaFolder(app.name, paths.shared, folder) for folder in app.nginx.media.values())
    yield from folders(app)
    yield from passwords(app)
    cache = sv.CacheFolder(paths.site_cache, wanted=bool(app.nginx.cache))
    if cache.wanted:
        yield cache
    lines = sv.included_lines(app)
    site = sv.Site.of(app)
    link = sv.Link(paths.site_enabled, to=paths.site)
    # An app without a domain answers for all names itself.
    wanted = bool(app.domains) and app.nginx.default_server
    default = sv.DefaultServer(app.nginx.http_port, sv.nginx_template("nginx/default.conf.j2", app=app), wanted, own)
    server = (sv.NginxConf(), sv.NginxGroup(), sv.OpenFilesLimit(), sv.SitesEnabled())
    former = sv.FormerDefaults((app.nginx.http_port, app.nginx.https_port), own)
    loads = (*server, *shared(app), lines, *locations(app), site, link, sv.DebianDefaultSiteDisabled(), default, former)
    yield from loads
    yield sv.File(f"/etc/logrotate.d/{app.name}", sv.template("nginx/logrotate.j2", app=app))
    own_file = (lines.path, app.nginx.include) if app.nginx.include else ()
    yield sv.Nginx(loads=loads, stamp=f"nginx-{app.name}", own_file=own_file, check_site=sv.site_check(app))
    if not cache.wanted:
        yield cache
    yield sv.MaintenanceNoted(app.name)
    yield from site_bans(app)
