"""Messages from this server, of failed timers, backups and certificates ([notify] from_servers)."""

import selvedge as sv

UNITS = {"@.service": "send.service", "-check.service": "check.service", "-check.timer": "check.timer"}
TIMER = "selvedge-notify-check.timer"


def messages(app):
    """Set up the messages from this server, or remove them."""
    if not app.notify.from_servers:
        yield sv.MessagesRemoved(app.name)
        return
    yield sv.Needs(sv.APPRISE, "install")
    values = {"program": sv.MESSAGES, "apprise": sv.APPRISE}
    # They have no secret, and every user can read them: the one that sends a message exists only meanwhile.
    for name in ("", "/messages"):
        yield sv.Directory(f"{sv.MESSAGES}{name}")
    for name, text in sv.messages_program().items():
        yield sv.File(f"{sv.MESSAGES}/{name}", text)
    yield sv.File(f"{sv.MESSAGES.rpartition('/')[0]}/notify", sv.template("notify/notify.j2", **values), "0700")
    yield from sv.messages_of_app(app)
    units = [
        sv.File(f"/etc/systemd/system/selvedge-notify{end}", sv.template(f"notify/{name}.j2", **values))
        for end, name in UNITS.items()
    ]
    units += [sv.File(path, sv.template("notify/certbot.conf.j2", **values)) for path in sv.CERTBOT_DROP_INS]
    yield from units
    yield sv.Service(TIMER, tuple(units), check="systemctl daemon-reload", reload_command=f"service_run restart {TIMER}")
