"""Attention as one operator of ONNX Runtime's, where a plain graph would hold the scores of all pixels with all others.

At 512 x 512 the largest scores of the real UNet are 512 MiB a row, of which a plain graph has three at a time. The
operator takes them block by block on a CPU and on a GPU.
"""

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch.nn.functional import scaled_dot_product_attention


def use_one_operator(model: torch.nn.Module) -> None:
    """Trace a model's attention as one operator, wherever it is the plain one."""
    for module in model.modules():
        if isinstance(module, Attention) and is_plain(module):
            module.set_processor(OneOperator())


def is_plain(attention: Attention) -> bool:
    """Whether nothing is done beside projections, softmax and group norm."""
    special = (attention.spatial_norm, attention.norm_q, attention.norm_k, attention.norm_cross)
    return type(attention.processor) is AttnProcessor2_0 and not any(special)


class OneOperator:
    """What diffusers' AttnProcessor2_0 computes."""

    def __call__(
        self,
        attention: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        assert attention_mask is None
        residual, shape = hidden_states, hidden_states.shape
        if len(shape) == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)
        if attention.group_norm is not None:
            hidden_states = attention.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        attended = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        hidden_states = MultiHeadAttention.apply(
            attention.to_q(hidden_states), attention.to_k(attended), attention.to_v(attended), attention.heads
        )
        for layer in attention.to_out:
            hidden_states = layer(hidden_states)
        if len(shape) == 4:
            hidden_states = hidden_states.transpose(1, 2).reshape(shape)
        if attention.residual_connection:
            hidden_states = hidden_states + residual
        return hidden_states / attention.rescale_output_factor


class MultiHeadAttention(torch.autograd.Function):
    """Of queries, keys and values (rows, tokens, heads x size)."""

    @staticmethod
    def forward(_, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
        split = (states.unflatten(-1, (heads, -1)).transpose(1, 2) for states in (query, key, value))
        return scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(graph, query, key, value, heads: int):
        joined = graph.op("com.microsoft::MultiHeadAttention", query, key, value, num_heads_i=heads)
        return joined.setType(query.type())
