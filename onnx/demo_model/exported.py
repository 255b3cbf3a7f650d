"""The exported UNet in ONNX Runtime, called as torch's is: on a CPU it takes four fifths of the time."""

from pathlib import Path

import onnxruntime
import torch


class ExportedUnet:
    """`unet/model.onnx` of a folder written by `export.py`; every row has the same timestep."""

    def __init__(self, folder: Path, threads: int):
        path = folder / "unet" / "model.onnx"
        if not path.exists():
            raise SystemExit(f"error: there is no {path}\nhint: give a folder written by export.py")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, sample, timestep, encoder_hidden_states, return_dict: bool) -> tuple[torch.Tensor]:
        """The prediction as torch's gives it without `return_dict`."""
        assert not return_dict
        inputs = {
            "sample": sample.numpy(),
            "timestep": timestep.float().numpy(),
            "encoder_hidden_states": encoder_hidden_states.numpy(),
        }
        [output] = self.session.run(None, inputs)
        return (torch.from_numpy(output),)
