"""One program per verb: flags plus one call. `memkit VERB` and `python -m launch.VERB` run them."""

import importlib.util

if importlib.util.find_spec("memkit") is None or importlib.util.find_spec("memkit.launch") is None:
    raise SystemExit("memkit is not installed in this Python: run `make install` in the checkout")
