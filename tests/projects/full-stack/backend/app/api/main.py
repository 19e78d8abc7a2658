from fastapi import APIRouter, WebSocket
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import engine
from app.models import Item

api_router = APIRouter()


@api_router.get("/utils/health-check/")
def health_check() -> bool:
    return True


@api_router.get("/items/")
def items() -> list[str]:
    with Session(engine) as session:
        return list(session.scalars(select(Item.title)))


@api_router.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
