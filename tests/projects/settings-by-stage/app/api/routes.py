from fastapi import APIRouter, Request
from sqlalchemy import text

router = APIRouter()


@router.get("/tags")
def tags(request: Request) -> dict:
    with request.app.state.engine.connect() as connection:
        return {"tags": [row[0] for row in connection.execute(text("SELECT tag FROM tags ORDER BY tag"))]}
