"""Python imports this at its start where the folder is on PYTHONPATH; see `fake_bucket`."""

import fake_bucket

fake_bucket.register()
