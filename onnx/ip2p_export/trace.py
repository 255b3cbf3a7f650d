"""Trace the four components of a pipeline into ONNX graphs, with sizes that stay free.

The graphs are traced without weights, which are put in from the model itself: nothing is written on the way.
"""

import inspect
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import onnx
import torch
from onnx import numpy_helper

OPSET = 17
"""The last before GroupNormalization: ONNX Runtime's fusions look for the older pattern."""


class TextEncoder(torch.nn.Module):
    """Token ids to the states of the last layer."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids).last_hidden_state


class UNet(torch.nn.Module):
    """Noisy and picture latents, a timestep and text states to a prediction."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(
        self, sample: torch.Tensor, timestep: torch.Tensor, encoder_hidden_states: torch.Tensor
    ) -> torch.Tensor:
        return self.model(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class VaeEncoder(torch.nn.Module):
    """A picture to the parameters of its latents' distribution: the mean, then the logarithm of the variance."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, sample: torch.Tensor) -> torch.Tensor:
        return self.model.encode(sample).latent_dist.parameters


class VaeDecoder(torch.nn.Module):
    """Latents, already divided by the scaling factor, to a picture in [-1, 1]."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, latent_sample: torch.Tensor) -> torch.Tensor:
        return self.model.decode(latent_sample).sample


@dataclass
class Component:
    """How one component is made of a part of the pipeline, and what its graph takes and gives."""

    part: str
    wrapper: type[torch.nn.Module]
    examples: Callable[[torch.nn.Module], dict[str, torch.Tensor]]
    output: str
    free: dict[str, dict[int, str]]
    """The axes of inputs and output that may have any size."""


def levels(model: torch.nn.Module) -> int:
    """The number of resolutions of a UNet or an autoencoder."""
    return len(model.config.block_out_channels)


def uneven_size(model: torch.nn.Module) -> tuple[int, int]:
    """Latent sides that the UNet's levels cannot halve evenly.

    Only for these does diffusers size each upsampling by the skip connection that it meets. Traced with even
    sides, the graph would double instead, and fail on all sizes that are not multiples of 64 pixels.
    """
    unit = 2 ** (levels(model) - 1)
    return 2 * unit + 1, 2 * unit + 3


def text_encoder_examples(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.ones(2, model.config.max_position_embeddings, dtype=torch.int64)}


def unet_examples(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The timestep stays float32 whatever the model's type: float16 makes 946.5 of 946.42."""
    config, dtype = model.config, model.dtype
    return {
        "sample": torch.randn(2, config.in_channels, *uneven_size(model), dtype=dtype),
        "timestep": torch.tensor(481.5, dtype=torch.float32),
        "encoder_hidden_states": torch.randn(2, 77, config.cross_attention_dim, dtype=dtype),
    }


def vae_encoder_examples(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    factor = 2 ** (levels(model) - 1)
    return {"sample": torch.randn(2, model.config.in_channels, 5 * factor, 7 * factor)}


def vae_decoder_examples(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {"latent_sample": torch.randn(2, model.config.latent_channels, 5, 7)}


COMPONENTS = {
    "text_encoder": Component(
        "text_encoder",
        TextEncoder,
        text_encoder_examples,
        "last_hidden_state",
        {"input_ids": {0: "batch_size"}, "last_hidden_state": {0: "batch_size"}},
    ),
    "vae_encoder": Component(
        "vae",
        VaeEncoder,
        vae_encoder_examples,
        "latent_parameters",
        {
            "sample": {0: "batch_size", 2: "height", 3: "width"},
            "latent_parameters": {0: "batch_size", 2: "latent_height", 3: "latent_width"},
        },
    ),
    "unet": Component(
        "unet",
        UNet,
        unet_examples,
        "out_sample",
        {
            "sample": {0: "batch_size", 2: "height", 3: "width"},
            "encoder_hidden_states": {0: "batch_size", 1: "sequence_length"},
            "out_sample": {0: "batch_size", 2: "height", 3: "width"},
        },
    ),
    "vae_decoder": Component(
        "vae",
        VaeDecoder,
        vae_decoder_examples,
        "sample",
        {
            "latent_sample": {0: "batch_size", 2: "latent_height", 3: "latent_width"},
            "sample": {0: "batch_size", 2: "height", 3: "width"},
        },
    ),
}


@torch.no_grad()
def trace(component: Component, model: torch.nn.Module, *, keep_model: bool = False) -> onnx.ModelProto:
    """The component's graph as torch exports it, weights under torch's names with a prefix.

    The model is emptied weight by weight, so that memory holds them once, unless it is to be kept.
    """
    inputs = component.examples(model)
    assert list(inputs) == list(inspect.signature(component.wrapper.forward).parameters)[1:]
    wrapped = component.wrapper(model)
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of every branch that a trace takes for good
        torch.onnx.export(
            wrapped,
            tuple(inputs.values()),
            written,
            input_names=list(inputs),
            output_names=[component.output],
            dynamic_axes=component.free,
            opset_version=OPSET,
            export_params=False,
            keep_initializers_as_inputs=True,  # else weights that are equal would be made one
            do_constant_folding=False,  # it would rename the weights that it transposes
            dynamo=False,
        )
    traced = onnx.load_from_string(written.getvalue())
    insert_weights(traced.graph, wrapped, keep_model)
    return traced


def insert_weights(graph: onnx.GraphProto, model: torch.nn.Module, keep_model: bool) -> None:
    """Give the graph as initializers what it has as inputs beside its own: parameters and buffers of the model."""
    asked = {value.name for value in graph.input}
    inputs = [value for value in graph.input if not has_weight(model, value.name)]
    del graph.input[:]
    graph.input.extend(inputs)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if name in asked:
            array = tensor.detach().contiguous().numpy()
            graph.initializer.append(numpy_helper.from_array(array, name))
            if not keep_model:
                tensor.data = torch.empty(0, dtype=tensor.dtype)


def has_weight(model: torch.nn.Module, name: str) -> bool:
    """Whether a name is that of a parameter or buffer."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(model.get_submodule(module), attribute, None)
    except AttributeError:
        return False
    return isinstance(found, torch.Tensor)
