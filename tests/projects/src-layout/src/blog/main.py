from importlib.metadata import entry_points, version

from fastapi import FastAPI

from blog import VALUE

app = FastAPI()


@app.get("/")
def packages() -> dict[str, str]:
    plugins = ", ".join(sorted(each.name for each in entry_points(group="blog.plugins")))
    return {"blog": f"{version('blog')}, {VALUE}", "iniconfig": version("iniconfig"), "plugins": plugins}
