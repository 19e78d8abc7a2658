"""An app that queues jobs."""

from fastapi import FastAPI

import tasks

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    """Answer."""
    return {"status": "ok"}


@app.post("/queue")
def queue(task: str, first: int, count: int, seconds: float) -> dict[str, int]:
    """Queue `count` jobs with the numbers from `first` on. An error means that some of them may be in the queue."""
    for number in range(first, first + count):
        {"early": tasks.early, "late": tasks.late}[task].apply_async((number, seconds), retry=False)
    return {"queued": count}
