"""Checks the types of the scripts of the report, which JSDoc comments declare.

  python -m tests.javascript

A page has its scripts as one module, so they are checked as one. Deno, a package of PyPI, holds the
TypeScript compiler. It prints nothing and exits with 0 if all types fit.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import deno

from memkit.report import assets, page

OPTIONS = {
    "compilerOptions": {
        "checkJs": True,
        "strict": True,
        "noUnusedLocals": True,
        "lib": ["esnext", "dom", "dom.iterable"],
    }
}
DECLARATIONS = "page.d.ts"


def problems(scripts):
    """Returns the errors of scripts {name: text} as one text, "" if there are none."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        (folder / "deno.json").write_text(json.dumps(OPTIONS))
        (folder / DECLARATIONS).write_text(assets.text(DECLARATIONS))
        text = f'/// <reference path="./{DECLARATIONS}" />\n' + "\n".join(scripts.values())
        (folder / "page.js").write_text(text + "\nexport {};\n")
        quiet = {"NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", "DENO_DIR": str(folder / "cache")}
        done = subprocess.run(
            [deno.find_deno_bin(), "check", "page.js"],
            cwd=folder,
            env=os.environ | quiet,
            capture_output=True,
            text=True,
        )
    return _located(done.stdout + done.stderr, scripts) if done.returncode else ""


def _located(text, scripts):
    """Returns errors with the lines of the files instead of those of the module."""
    places = [
        (name, number)
        for name, script in scripts.items()
        for number in range(1, script.count("\n") + 2)
    ]

    def place(match):
        name, number = places[int(match[1]) - 2]
        return f"memkit/report/{name}:{number}"

    return re.sub(r"file://\S*page\.js:(\d+)", place, text)


def main():
    """Prints the errors; returns the exit code."""
    found = problems({name: assets.text(name) for name in page.SCRIPTS})
    print(found, end="")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
