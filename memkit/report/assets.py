"""What pages are made of: templates, style, the scripts that draw charts, and their pictures."""

import functools
import importlib.resources

import jinja2
import vl_convert
from markupsafe import Markup

from memkit import charts
from memkit.report import formatting


def text(name):
    """Returns the text of a file of this package."""
    return importlib.resources.files("memkit.report").joinpath(name).read_text("utf-8")


def page(template, scripts, *, specs, examples=None, **values):
    """Returns the text of a page; what a template names and `values` lack is an error.

    Args:
      template: name of a file of this package.
      scripts: names of files of this package, one module on the page.
      specs: {name: Vega-Lite specification} of the charts that templates name.
      examples: what the explorer reads, or None.
      **values: what the template names.
    """
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(text),
    )
    environment.filters["coded"] = formatting.coded
    style = Markup(text("style.css"))
    script = Markup("\n".join(map(text, scripts)))
    return environment.get_template(template).render(
        style=style,
        bundle=bundle(),
        script=script,
        specs=specs,
        examples=examples,
        **values,
    )


def pictures(specs):
    """Returns {path: bytes}: "charts/<name>.png" and "charts/<name>.svg" per {name: spec}."""
    return {
        f"charts/{name}.{kind}": data
        for name, spec in specs.items()
        for kind, data in charts.images(spec).items()
    }


@functools.cache
def bundle():
    """Returns Vega, Vega-Lite and vega-embed as one script."""
    return Markup(vl_convert.javascript_bundle().replace("</script", "<\\/script"))
