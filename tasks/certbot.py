"""Step 9 of the tutorial: the certificate, its renewal, HTTPS."""

from selvedge.operations.renew import rehearse
from selvedge.release import preconditions
from selvedge.task import Option, step

REHEARSE = Option("renew_dry_run", "Rehearse the renewal: certbot renew --dry-run.")


@step(phase="switch", options=(REHEARSE,), instead={REHEARSE.name: rehearse}, precondition=preconditions.certificates)
def certbot(app):
    """Get a certificate, have it renewed, serve HTTPS."""
    from selvedge.resources.certbot import client
    from selvedge.resources.certificate import Certificate, Https, Listen, OwnCertificate, PlainHttp
    from selvedge.resources.files import Absent, File, Link
    from selvedge.resources.need import Needs
    from selvedge.resources.ports import Port
    from selvedge.resources.site import LISTEN_TLS, Default
    from selvedge.templates import template

    site, enabled = f"{app.paths.site}-tls", f"{app.paths.site_enabled}-tls"
    redirect = f"/etc/nginx/snippets/{app.name}-http.conf"
    tls_here = bool(app.domains) and not app.tls.upstream
    default = template("nginx/default-tls.conf.j2")
    unknown = Default(Default.https, default, 443, tls_here and app.nginx.default_server, (enabled,))
    if not tls_here:
        yield unknown
        yield PlainHttp((enabled, redirect, app.paths.certificate, site))
        return
    yield Needs(app.paths.site, "nginx")
    yield Port(443, "nginx")
    if app.tls.certificate:
        certificate = OwnCertificate.of(app)
    else:
        yield from client(app)
        certificate = Certificate.of(app)
    listen = Listen(LISTEN_TLS)
    text = template("nginx/tls.conf.j2", app=app, listen=listen.path, certificate=certificate)
    to_https = template("nginx/redirect.conf.j2")
    loads = (certificate, listen, File(site, text), Link(enabled, to=site), File(redirect, to_https), unknown)
    yield from loads
    yield Https(loads=loads, stamp=f"nginx-tls-{app.name}", domain=app.domains[0], fullchain=certificate.fullchain)
    if not app.tls.certificate:
        # nginx has loaded another one: a key that nothing uses is only there to be stolen.
        yield Absent(app.paths.certificate)
