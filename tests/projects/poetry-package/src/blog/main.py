from importlib.metadata import version

from fastapi import FastAPI

from blog import VALUE

app = FastAPI()


@app.get("/")
def packages() -> dict[str, str]:
    return {"blog": f"{version('blog')}, {VALUE}", "iniconfig": version("iniconfig")}
