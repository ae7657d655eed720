"""The parts of a page: templates, style, the scripts that draw charts, and their picture files."""

import functools
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from etils import epy
from markupsafe import Markup

from memkit import charts
from memkit.report import glossary
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import; `memkit chart --list` does not need it.
    import vl_convert


_SIZE = re.compile(rb'<svg[^>]* width="([\d.]+)"[^>]* height="([\d.]+)"')


def text(name: str, package: str = "memkit.report") -> str:
    """Returns the text of a file of a package."""
    return importlib.resources.files(package).joinpath(name).read_text("utf-8")


def fragment(package: str, template: str, **values: Any) -> Markup:
    """Returns a part of a page.

    Args:
      package: the package that holds the template.
      template: name of the file; it may import "parts.html" of this package.
      **values: the template's variables; a missing one is an error.
    """
    source = environment().from_string(text(template, package))
    return Markup(source.render(**values))


def page(
    template: str,
    scripts: Sequence[str],
    *,
    specs: Mapping[str, Json],
    examples: Json | None = None,
    **values: Any,
) -> str:
    """Returns the text of a page; a variable of the template that `values` lacks is an error.

    Args:
      template: name of a file of this package.
      scripts: names of files of this package, which become one module of the page.
      specs: {name: Vega-Lite specification} of the charts that templates name.
      examples: data of the explorer, or None.
      **values: the template's variables.
    """
    style = Markup(text("style.css"))
    script = Markup("\n".join(map(text, scripts)))
    return (
        environment()
        .get_template(template)
        .render(
            style=style,
            bundle=bundle(),
            script=script,
            specs=specs,
            examples=examples,
            **values,
        )
    )


def pictures(specs: Mapping[str, Json]) -> dict[str, bytes]:
    """Returns {path: bytes}: "charts/<name>.png" and "charts/<name>.svg" per {name: spec}."""
    return {
        f"charts/{name}.{kind}": data
        for name, spec in specs.items()
        for kind, data in charts.images(spec).items()
    }


def sizes(files: Mapping[str, bytes]) -> dict[str, tuple[str, str]]:
    """Returns {name: (width, height)} of the charts among the files of a report, as text.

    Args:
      files: {path: bytes}, as `pictures` returns them.
    """
    found = {}
    for path, data in files.items():
        name, _, kind = path.removeprefix("charts/").rpartition(".")
        match = _SIZE.search(data) if kind == "svg" else None
        if match:
            found[name] = (match[1].decode(), match[2].decode())
    return found


def environment() -> jinja2.Environment:
    """Returns the environment of all templates; a missing variable is an error."""
    templates = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(text),
    )
    templates.filters["termed"] = glossary.termed
    return templates


@functools.cache
def bundle() -> Markup:
    """Returns Vega, Vega-Lite and vega-embed as one script."""
    # Without a snippet, the script makes the libraries global; the stub of vl_convert requires one.
    script = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return Markup(script.replace("</script", "<\\/script"))
