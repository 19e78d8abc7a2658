"""Render the Jinja2 templates of the folder `templates/`, with a quoting filter for each format.

jinja2 is loaded by the first template, 13 ms: a run begins to log in before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from selvedge.value import Value

if TYPE_CHECKING:
    import jinja2


class Template(Value):
    """A template that needs further values, such as facts of a server, to become text.

    The file is read when the object is made, not by `render`, so a resource's `plan` may call `render`.
    """

    compiled: jinja2.Template
    values: tuple[tuple[str, Any], ...]

    def __init__(self, name: str, **values: Any) -> None:
        from selvedge.project import jinja

        object.__setattr__(self, "compiled", jinja.compiled(name))
        object.__setattr__(self, "values", tuple(values.items()))

    def render(self, **values: Any) -> str:
        """Return the text. Raises ConfigError if the template, or one that it includes, has a mistake."""
        from selvedge.project import jinja

        return jinja.rendered(self.compiled, {**dict(self.values), **values})


def template(name: str, **values: Any) -> str:
    """Return the text of `templates/<name>` with the values filled in, e.g. template("nginx/site.conf.j2", app=app).

    Raises ConfigError if the template is missing or has a mistake.
    """
    return Template(name, **values).render()


def text_template(text: str, **values: Any) -> str:
    """Return a template's text, e.g. of a user's own file, with the values filled in. Raises ValueError, which names the line."""
    from selvedge.project import jinja

    return jinja.rendered_text(text, values)
