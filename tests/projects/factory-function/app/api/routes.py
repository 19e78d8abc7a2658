from fastapi import APIRouter

router = APIRouter()


@router.get("/tags")
def tags() -> dict:
    return {"tags": ["fastapi"]}
