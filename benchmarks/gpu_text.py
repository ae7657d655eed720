"""What the GPU benchmark found, as text."""

from memkit import tables


def text(found):
    """Returns the tables of what has been found so far, see `gpu.main`."""
    tables_of = {"peaks", "costs", "sweep", "study"}
    parts = ["\n".join(f"{name}: {found[name]}" for name in found if name not in tables_of)]
    peaks = found["peaks"]
    matrix, memory = peaks["flops_per_second"], peaks["bytes_per_second"]
    parts.append(f"matrix peak {matrix / 1e12:.4g} TFLOP/s, memory peak {memory / 1e9:.4g} GB/s")
    if "sweep" in found and found["sweep"]:
        parts.append(_sweep(found["sweep"]))
    if "study" in found:
        parts.append("\n".join(f"{name}: {value}" for name, value in found["study"].items()))
    return "\n\n".join(parts) + "\n"


def _sweep(rows):
    header = [
        "batch",
        "precision",
        "packing",
        "runs",
        "buffers",
        "processes",
        "images/s",
        "of matrix peak",
        "of memory peak",
        "models/hour",
        "compile s",
        "epochs",
    ]
    timed = [_row(row) for row in rows if "note" not in row]
    notes = [" ".join([*map(str, _name(row)), row["note"]]) for row in rows if "note" in row]
    return "\n".join([tables.text(header, timed), *notes])


def _name(row):
    names = ("batch", "precision", "packing", "runs", "buffers", "processes")
    return [row[name] for name in names]


def _row(row):
    return [
        *_name(row),
        round(row["images_per_second"]),
        f"{row['of_matrix_peak']:.2%}",
        f"{row['of_memory_peak']:.2%}",
        round(row["models_per_hour"], 1),
        round(row["compile_seconds"], 1),
        round(row["epochs_timed"]),
    ]
