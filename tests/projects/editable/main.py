from importlib.metadata import version

import blog
import common
import markdown_it
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def home() -> dict[str, object]:
    return {"text": blog.TEXT, "number": common.NUMBER, "markdown": markdown_it.__version__, "version": version("blog")}
