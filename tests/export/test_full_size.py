"""The export at the size that it is for. Slow: see conftest.py."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "onnx" / "export.py"
MAKE = "import sys; from pathlib import Path; import conftest, full_size; full_size.make(Path(sys.argv[1]))"


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_real_architecture_is_exported_and_verified(tmp_path: Path, precision: str) -> None:
    """Set IP2P_FULL_SIZE_DIR to keep the pipeline and the export, there, for a run of `ip2p`."""
    kept = os.environ.get("IP2P_FULL_SIZE_DIR")
    folder = Path(kept) if kept else tmp_path
    if not (folder / "pipeline").exists():
        subprocess.run([sys.executable, "-c", MAKE, str(folder)], cwd=Path(__file__).parent, check=True)
    begun = time.monotonic()
    arguments = [str(folder / "pipeline"), "--out", str(folder / precision), "--precision", precision, "--verify"]
    subprocess.run([sys.executable, str(SCRIPT), *arguments, "--overwrite"], check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{precision}: exported and verified in {time.monotonic() - begun:.0f} s, peak memory {peak:.1f} GiB")
    assert (folder / precision / "unet" / "model.onnx_data").exists()
