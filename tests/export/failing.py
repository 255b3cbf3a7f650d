"""Exports that must fail: what they print, and damage that only the verification can see."""

from collections.abc import Callable

import onnx
import pytest
from ip2p_export import graph
from onnx import numpy_helper


def failure(capsys: pytest.CaptureFixture, main: Callable[[list[str]], int], *arguments: object) -> str:
    """What an export script prints that must fail."""
    assert main([str(argument) for argument in arguments]) == 1
    errors = capsys.readouterr().err
    _, error, told = errors.partition("error: ")  # what went before is how far it was
    assert error and "\nhint: " in told, errors
    return told


def made_with_a_wrong_weight(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let every graph be made with one weight a hundredth off."""
    tidy = graph.tidy

    def damaged(traced: onnx.ModelProto) -> onnx.ModelProto:
        model = tidy(traced)
        for tensor in model.graph.initializer:
            if tensor.name == name:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 0.01, tensor.name))
        return model

    monkeypatch.setattr(graph, "tidy", damaged)
