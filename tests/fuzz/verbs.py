"""The commands that follow each damage; they run in the folder that holds `study`."""

from tests.fuzz.world import HERE, REMOVAL, P

# name of the command -> words; `sound` is a sound copy of the study.
COMMANDS = {
    "status": ["status", "--workdir=study"],
    "verify": ["verify", "--workdir=study"],
    "train": ["train", "--workdir=study", *HERE],
    "estimate": ["estimate", "--workdir=study"],
    "report": ["report", "--workdir=study"],
    "audit": ["audit", "--workdir=study"],
    "compare table": [
        "compare", "--workdir=study", f"--with=study/tables/{P}.csv", f"--points={P}"
    ],
    "compare study": ["compare", "--workdir=study", "--with=sound", f"--points={P}"],
    "export feldman_zhang": [
        "export", "--workdir=study", "--format=feldman_zhang", "--out=out", f"--points={P}"
    ],
    "export aux_arrays": [
        "export", "--workdir=study", "--format=aux_arrays", "--out=out", f"--points={P}"
    ],
    "export cleanlab": [
        "export", "--workdir=study", "--format=cleanlab", "--out=out", f"--points={P}"
    ],
    "export csv": ["export", "--workdir=study", "--format=csv", "--out=out"],
    "export parquet": ["export", "--workdir=study", "--format=parquet", "--out=out"],
    "merge": ["merge", "--workdir=out", "--with=study"],
    "removal": REMOVAL,
    "chart": ["chart", "--workdir=study", "--format=svg", "--out=out"],
}  # fmt: skip
