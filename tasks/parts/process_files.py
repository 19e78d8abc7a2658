"""The files of the processes that run beside the web process ([processes])."""

import selvedge as sv


def process_files(app, instance):
    """Yield the files with which the release's process manager starts each of them."""
    if app.processes:
        yield sv.Directory(f"{instance.folder}/processes", "0750", group=app.name)
    for name in app.processes:
        yield sv.Directory(f"{instance.folder}/processes/{name}", "0750", group=app.name)
    for path, text in instance.process_files().items():
        yield sv.File(f"{instance.folder}/{path}", text, "0750" if path.endswith("/start") else "0640", group=app.name)
