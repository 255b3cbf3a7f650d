"""Exports that must fail: what they print, and damage that only the verification can see."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from ip2p_export import graph
from onnx import numpy_helper


def failure(capsys: pytest.CaptureFixture, main: Callable[[list[str]], int], *arguments: object) -> str:
    """What an export script prints that must fail."""
    assert main([str(argument) for argument in arguments]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and "\nhint: " in errors, errors
    return errors


def read_with_a_wrong_weight(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let every graph be read with one weight a hundredth off."""
    read = graph.read

    def damaged(path: Path) -> onnx.ModelProto:
        model = read(path)
        for tensor in model.graph.initializer:
            if tensor.name == name:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 0.01, tensor.name))
        return model

    monkeypatch.setattr(graph, "read", damaged)
