"""Draws the pictures of these pages from a study, as its report draws them, in few colors.

memkit run --config=digits_width --workdir=out/digits
python docs/pictures.py out/digits

Those of the tutorial, from the study of its first audit:

python docs/pictures.py out/audit/scans tutorial
"""

import io
import pathlib
import sys

import PIL.Image

from memkit import studies
from memkit.report import chart_files, gather

FOLDER = pathlib.Path(__file__).parent / "images"
PICTURES = (
    "mean_memorization",
    "memorization_histograms",
    "trajectory_classes",
    "mean_trajectories",
    "planted_detection",
    "proxy_leaderboard",
    "agreement_one_hot",
    "convergence",
)
OF_TUTORIAL = ("memorization_histograms",)
WIDTH = 720  # pixels; the site shows them at half of it on screens with twice the dots
COLORS = 64  # lines and text on white; more would only grow the files


def main(workdir, prefix=""):
    content = gather.content(studies.load(workdir))
    FOLDER.mkdir(exist_ok=True)
    pictures = OF_TUTORIAL if prefix else PICTURES
    for name, png in chart_files.render(content, pictures, ["png"]).items():
        picture = PIL.Image.open(io.BytesIO(png)).convert("RGB")
        picture.thumbnail((WIDTH, picture.height))
        # The other ways of quantizing change the hues of small marks.
        picture = picture.quantize(
            COLORS, method=PIL.Image.Quantize.FASTOCTREE, dither=PIL.Image.Dither.NONE
        )
        file = FOLDER / "_".join(filter(None, (prefix, name)))
        picture.save(file, optimize=True)
        print(file, file.stat().st_size, "bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
