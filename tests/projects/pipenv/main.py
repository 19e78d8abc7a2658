"""Answers with the versions of its packages, and echoes what a WebSocket sends."""

from importlib.metadata import distributions

from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.get("/")
def versions() -> dict[str, str]:
    return {each.metadata["Name"]: each.version for each in distributions()}


@app.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
