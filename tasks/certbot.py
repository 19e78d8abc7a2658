"""Step 9 of the tutorial: the certificate, its renewal, HTTPS."""

import selvedge as sv
from selvedge import operations
from selvedge.release import preconditions

REHEARSE = sv.Option("renew_dry_run", "Test the renewal with `certbot renew --dry-run`.")


@sv.step(
    phase="switch",
    options=(REHEARSE,),
    instead={REHEARSE.name: lambda run: operations.renew.rehearse(run)},
    precondition=preconditions.certificates,
)
def certbot(app):
    """Get a certificate, schedule its renewal, serve HTTPS."""
    site, enabled = f"{app.paths.site}-tls", f"{app.paths.site_enabled}-tls"
    redirect = f"/etc/nginx/snippets/{app.name}-http.conf"
    tls_here = bool(app.domains) and not app.tls.upstream
    wanted = tls_here and app.nginx.default_server
    default = sv.DefaultServer(443, sv.nginx_template("nginx/default-tls.conf.j2"), wanted, (enabled,))
    if not tls_here:
        yield default
        yield sv.HttpsRemoved((enabled, redirect, app.paths.certificate, site))
        return
    yield sv.Needs(app.paths.site, "nginx")
    yield sv.Port(443, "nginx")
    if app.tls.certificate:
        certificate = sv.OwnCertificate.of(app)
    else:
        yield from sv.certbot_client(app)
        certificate = sv.Certificate.of(app)
    listen = sv.ListenTls(sv.nginx_template("nginx/listen-tls.conf.j2"))
    text = sv.template("nginx/tls.conf.j2", app=app, listen=listen.path, certificate=certificate)
    to_https = sv.template("nginx/redirect.conf.j2")
    former = sv.FormerNamesDropped(sv.Site.of(app))
    loads = (certificate, listen, sv.File(site, text), sv.Link(enabled, to=site), sv.File(redirect, to_https), former, default)
    yield from loads
    domain, check = app.served_names[0], sv.site_check(app)
    stamp = f"nginx-tls-{app.name}"
    yield sv.NginxHttps(loads=loads, stamp=stamp, domain=domain, fullchain=certificate.fullchain, check_site=check)
    if not app.tls.certificate:
        # Delete your own certificate: nginx no longer uses it, and an unused key could only be stolen.
        yield sv.Absent(app.paths.certificate)
