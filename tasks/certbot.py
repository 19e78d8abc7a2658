"""Step 9 of the tutorial: the certificate, its renewal, HTTPS."""

from selvedge.resources.files import File, Link
from selvedge.resources.need import Needs
from selvedge.resources.ports import Port
from selvedge.step import step


@step(phase="switch")
def certbot(app):
    """Get the certificate, have it renewed, serve HTTPS; without a domain, plain HTTP."""
    from selvedge.resources.certificate import Https, Listen, PlainHttp
    from selvedge.resources.certificates import own, renewed
    from selvedge.templates import template

    site, link = f"{app.paths.site}-tls", f"{app.paths.site_enabled}-tls"
    redirect = f"/etc/nginx/snippets/{app.name}-http.conf"
    if not app.domains or app.tls.upstream:
        yield PlainHttp((link, redirect, site))
        return
    yield Needs(app.paths.site, "nginx")
    yield Port(443, "nginx")
    certificate = own(app) if app.tls.certificate else renewed(app)
    yield from certificate.resources
    listen = Listen("/etc/nginx/snippets/selvedge-listen-tls.conf")
    text = template("nginx/tls.conf.j2", app=app, listen=listen.path, certificate=certificate)
    loads = (
        *certificate.resources,
        listen,
        File(site, text),
        Link(link, to=site),
        File(redirect, template("nginx/redirect.conf.j2", app=app)),
    )
    yield from loads[len(certificate.resources):]
    yield Https("nginx", loads, "nginx -t", "systemctl reload nginx", f"nginx-tls-{app.name}",
                domain=app.domains[0], chain=certificate.chain)
