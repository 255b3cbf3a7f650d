//! What a graph computes at least: the multiplications and additions of its convolutions and matrix products,
//! counted from the shapes that ONNX Runtime's profile of one run tells.
//!
//! As usual, other operators are not counted: they are a small share of the arithmetic. A multiplication and an
//! addition count as two operations.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The work of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operations {
    /// Floating-point operations of convolutions and matrix products.
    pub products: u64,
    /// Operators that multiply matrices as well, and are not counted since their shapes do not tell the work.
    pub uncounted: BTreeSet<String>,
    /// What those have at most, in operations.
    pub uncounted_most: u64,
}

/// Operators with products of their own that are not counted.
const UNCOUNTED: [&str; 13] = [
    "Attention",
    "ConvInteger",
    "DynamicQuantizeMatMul",
    "Einsum",
    "GRU",
    "GroupQueryAttention",
    "LSTM",
    "MatMulInteger",
    "MatMulNBits",
    "QAttention",
    "QLinearConv",
    "QLinearMatMul",
    "RNN",
];

/// One entry of a profile; most are of other kinds.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    args: Node,
}

/// What a profile says of an operator's run. Each shape stands under the name of its element type.
#[derive(Default, Deserialize)]
struct Node {
    #[serde(default)]
    op_name: String,
    #[serde(default)]
    input_type_shape: Vec<BTreeMap<String, Vec<u64>>>,
    #[serde(default)]
    output_type_shape: Vec<BTreeMap<String, Vec<u64>>>,
}

impl Operations {
    /// Counts a profile as ONNX Runtime writes it (`SessionOptions::EnableProfiling`), of one run without
    /// prepacked weights, which profiles leave out.
    ///
    /// # Errors
    /// What does not look as expected.
    pub(super) fn of_profile(profile: &str) -> Result<Self, String> {
        let events: Vec<Event> =
            serde_json::from_str(profile).map_err(|error| format!("its profile: {error}"))?;
        let mut operations = Self::default();
        let nodes = events.into_iter().map(|event| event.args);
        // Other events of an operator, such as waiting for its inputs, tell no shapes.
        for node in nodes.filter(|node| !node.output_type_shape.is_empty()) {
            if UNCOUNTED.contains(&node.op_name.as_str()) {
                let most = operations.uncounted_most.saturating_add(node.most());
                operations.uncounted_most = most;
                operations.uncounted.insert(node.op_name);
                continue;
            }
            let products = node
                .products()
                .ok_or_else(|| format!("its profile gives no shapes for a {}", node.op_name))?;
            operations.products = operations.products.saturating_add(2 * products);
        }
        Ok(operations)
    }
}

impl Node {
    fn input(&self, index: usize) -> Option<&[u64]> {
        shape(&self.input_type_shape, index)
    }

    /// Multiplications, each with an addition; `None` if a shape that matters is not told.
    fn products(&self) -> Option<u64> {
        let output = shape(&self.output_type_shape, 0)?;
        match self.op_name.as_str() {
            // The weights of one output channel, at every output: (outputs, inputs of a group, sides).
            "Conv" | "FusedConv" | "NhwcConv" | "NhwcFusedConv" => {
                Some(size(output) * size(self.input(1)?.get(1..)?))
            }
            // The other way about: (inputs, outputs of a group, sides).
            "ConvTranspose" => Some(size(self.input(0)?) * size(self.input(1)?.get(1..)?)),
            "MatMul" | "FusedMatMul" => Some(size(output) * self.input(0)?.last()?),
            "Gemm" => Some(size(self.input(0)?) * output.last()?),
            "MultiHeadAttention" => self.attention(),
            _ => Some(0),
        }
    }

    /// At most so many operations, whatever the equation of an `Einsum`: each value of one input meets each of the other.
    fn most(&self) -> u64 {
        match (self.op_name.as_str(), self.input_type_shape.len()) {
            ("Einsum", 2) => {
                let sizes = (0..2).filter_map(|index| self.input(index).map(size));
                sizes.fold(2, u64::saturating_mul)
            }
            _ => u64::MAX,
        }
    }

    /// Scores and their sums of values, by the shapes that
    /// [com.microsoft.MultiHeadAttention](https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md)
    /// takes: query (batch, sequence, hidden), or packed (batch, sequence, heads, 3, size); key likewise, packed
    /// with its values (batch, other, heads, 2, size), or (batch, heads, other, size).
    fn attention(&self) -> Option<u64> {
        let of = |query: &[u64], other: u64, hidden: u64, values: u64| {
            query[0] * query[1] * other * (hidden + values)
        };
        let query = self.input(0)?;
        match (query, self.input(1), self.input(2)) {
            (&[_, sequence, heads, 3, size], ..) => {
                Some(of(query, sequence, heads * size, heads * size))
            }
            (&[_, _, hidden], Some(&[_, other, _]), Some(&[_, _, values])) => {
                Some(of(query, other, hidden, values))
            }
            (&[_, _, hidden], Some(&[_, other, _, 2, _]), _)
            | (&[_, _, hidden], Some(&[_, _, other, _]), _) => {
                Some(of(query, other, hidden, hidden))
            }
            _ => None,
        }
    }
}

fn shape(shapes: &[BTreeMap<String, Vec<u64>>], index: usize) -> Option<&[u64]> {
    shapes.get(index)?.values().next().map(Vec::as_slice)
}

fn size(shape: &[u64]) -> u64 {
    shape.iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operator, the shapes of its inputs, and that of its output.
    type Run<'a> = (&'a str, &'a [&'a [u64]], &'a [u64]);

    fn count(nodes: &[Run]) -> Result<Operations, String> {
        let events: Vec<_> = nodes
            .iter()
            .map(|(name, inputs, output)| {
                let typed = |shape: &&[u64]| serde_json::json!({ "float16": shape });
                serde_json::json!({ "cat": "Node", "dur": 3, "args": {
                    "op_name": name, "provider": "CPUExecutionProvider",
                    "input_type_shape": inputs.iter().map(typed).collect::<Vec<_>>(),
                    "output_type_shape": [typed(output)],
                } })
            })
            .chain([
                serde_json::json!({ "cat": "Session", "name": "model_run", "args": {} }),
                serde_json::json!({ "cat": "Node", "args": { "op_name": "Conv" } }),
                serde_json::json!({ "cat": "Session" }),
            ])
            .collect();
        Operations::of_profile(&serde_json::to_string(&events).unwrap())
    }

    #[test]
    fn products_are_counted_by_hand() {
        let cases: [(Run, u64); 8] = [
            // 5 outputs of 3 x 3 x 4 weights at 2 x 6 x 7 places.
            (
                ("Conv", &[&[2, 4, 6, 7], &[5, 4, 3, 3], &[5]], &[2, 5, 6, 7]),
                2 * 5 * 42 * 36,
            ),
            // Four groups: each output sees one channel.
            (
                ("Conv", &[&[1, 4, 6, 7], &[4, 1, 3, 3]], &[1, 4, 6, 7]),
                4 * 42 * 9,
            ),
            (
                (
                    "ConvTranspose",
                    &[&[1, 4, 6, 7], &[4, 5, 2, 2]],
                    &[1, 5, 12, 14],
                ),
                4 * 42 * 20,
            ),
            (
                ("MatMul", &[&[2, 8, 10, 3], &[3, 7]], &[2, 8, 10, 7]),
                160 * 7 * 3,
            ),
            (("Gemm", &[&[10, 3], &[7, 3], &[7]], &[10, 7]), 10 * 7 * 3),
            (
                (
                    "MultiHeadAttention",
                    &[&[2, 10, 16], &[2, 5, 16], &[2, 5, 16]],
                    &[2, 10, 16],
                ),
                2 * 2 * 10 * 5 * 16,
            ),
            (
                ("MultiHeadAttention", &[&[2, 10, 4, 3, 4]], &[2, 10, 16]),
                2 * 2 * 10 * 10 * 16,
            ),
            (
                (
                    "MultiHeadAttention",
                    &[&[2, 10, 16], &[2, 5, 4, 2, 4]],
                    &[2, 10, 16],
                ),
                2 * 2 * 10 * 5 * 16,
            ),
        ];
        for (run, products) in cases {
            let counted = count(&[run]).unwrap();
            assert_eq!(counted.products, 2 * products, "{run:?}");
            assert!(counted.uncounted.is_empty());
        }
        let sum = count(&[
            ("MatMul", &[&[2, 3], &[3, 4]], &[2, 4]),
            ("Add", &[&[2, 4], &[4]], &[2, 4]),
            ("MatMul", &[&[2, 4], &[4, 5]], &[2, 5]),
        ]);
        assert_eq!(sum.unwrap().products, 2 * (24 + 40));
    }

    #[test]
    fn what_cannot_be_counted_is_told_and_not_guessed() {
        let counted = count(&[
            ("MatMul", &[&[2, 3], &[3, 4]], &[2, 4]),
            ("Einsum", &[&[2, 3], &[3, 4]], &[2, 4]),
        ]);
        let counted = counted.unwrap();
        assert!(counted.uncounted.iter().eq(["Einsum"]));
        assert_eq!((counted.products, counted.uncounted_most), (48, 2 * 6 * 12));
        let unknown = count(&[("QAttention", &[&[2, 3, 4], &[4, 12]], &[2, 3, 4])]).unwrap();
        assert_eq!(unknown.uncounted_most, u64::MAX);
        let prepacked = count(&[("Conv", &[&[2, 4, 6, 7]], &[2, 5, 6, 7])]);
        assert_eq!(
            prepacked.unwrap_err(),
            "its profile gives no shapes for a Conv"
        );
        assert!(Operations::of_profile("[{").is_err());
    }
}
