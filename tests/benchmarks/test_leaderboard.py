import re
import subprocess
import sys

import pytest

from tests.analysis import leave_one_out


@pytest.mark.slow
def test_the_leaderboard_has_a_table_for_either_outcome_at_every_size(tmp_path, make_config, tiny):
    study = leave_one_out.create(tmp_path / "study", make_config, tiny, num_units=6)
    leave_one_out.record(study)
    command = [sys.executable, "-m", "benchmarks.leaderboard", f"--workdir={study.workdir}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for point in study.points:
        tables = re.findall(
            rf"^{point.name}: 6 units of 61 runs.*\n(?:.+\n)*?ceiling +(\S+)", done.stdout, re.M
        )
        assert len(tables) == 2 and all(0.5 < float(ceiling) <= 1 for ceiling in tables)
    assert done.stdout.count("across sizes: change_spearman") == 2
    assert len(re.findall(r"^final loss ", done.stdout, re.M)) == 8
