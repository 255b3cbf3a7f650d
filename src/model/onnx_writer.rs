//! Writes the few messages of [onnx.proto](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that a chain
//! of matrix products needs.

use half::f16;
use ndarray::Array2;

use super::onnx_file::ElementType;

/// Of the chain's input and output.
pub(super) const INPUT: &str = "a";
/// As [`INPUT`].
pub(super) const OUTPUT: &str = "product";

const WEIGHT: &str = "b";
/// ONNX 1.12: what every ONNX Runtime that this program takes can read.
const IR_VERSION: u64 = 8;
const OPSET: u64 = 17;

/// A model that multiplies its input, a square matrix of this side, by one square matrix `length` times.
///
/// Values are spread evenly about 0 so that products keep their size, and no two neighbours are alike: processors
/// that save energy on equal bits would seem faster than they are.
pub(super) fn matrix_chain(element: ElementType, side: usize, length: usize) -> Vec<u8> {
    let mut graph = Message::default();
    let mut last = INPUT.to_owned();
    for product in 1..=length {
        let output = match product == length {
            true => OUTPUT.to_owned(),
            false => format!("product_{product}"),
        };
        let mut node = Message::default();
        node.text(1, &last).text(1, WEIGHT).text(2, &output);
        node.text(4, "MatMul");
        graph.message(1, &node);
        last = output;
    }
    graph.text(2, "matrix_chain");
    graph.message(5, &weight(element, side));
    graph.message(11, &port(INPUT, element, side));
    graph.message(12, &port(OUTPUT, element, side));
    let mut opset = Message::default();
    opset.text(1, "").number(2, OPSET);
    let mut model = Message::default();
    model.number(1, IR_VERSION);
    model.message(7, &graph).message(8, &opset);
    model.0
}

/// A square matrix of values from -1 to 1 times the square root of 3 / side: products with it keep the variance of
/// what they multiply.
pub(super) fn matrix(side: usize) -> Array2<f32> {
    let amplitude = (3.0 / side.max(1) as f32).sqrt();
    // Knuth's multiplier: neighbours are far apart.
    let spread = |index: usize| (index as u32).wrapping_mul(2_654_435_769) as f32 / u32::MAX as f32;
    Array2::from_shape_fn((side, side), |(row, column)| {
        amplitude * (2.0 * spread(row * side + column) - 1.0)
    })
}

/// `TensorProto`.
fn weight(element: ElementType, side: usize) -> Message {
    let values = matrix(side).into_iter();
    let bytes: Vec<u8> = match element {
        ElementType::Float16 => values
            .flat_map(|value| f16::from_f32(value).to_le_bytes())
            .collect(),
        _ => values.flat_map(f32::to_le_bytes).collect(),
    };
    let mut tensor = Message::default();
    tensor.number(1, side as u64).number(1, side as u64);
    tensor.number(2, element.number());
    tensor.text(8, WEIGHT).bytes(9, &bytes);
    tensor
}

/// `ValueInfoProto`.
fn port(name: &str, element: ElementType, side: usize) -> Message {
    let mut axis = Message::default();
    axis.number(1, side as u64);
    let mut shape = Message::default();
    shape.message(1, &axis).message(1, &axis);
    let mut tensor = Message::default();
    tensor.number(1, element.number()).message(2, &shape);
    let mut of_type = Message::default();
    of_type.message(1, &tensor);
    let mut port = Message::default();
    port.text(1, name).message(2, &of_type);
    port
}

/// The bytes of a message in protobuf's [wire format](https://protobuf.dev/programming-guides/encoding/).
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(&mut self, field: u64, text: &str) -> &mut Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(&mut self, field: u64, message: &Self) -> &mut Self {
        self.bytes(field, &message.0)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::super::onnx_file::{OnnxFile, Port};
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.onnx");
        for element in [ElementType::Float32, ElementType::Float16] {
            std::fs::write(&path, matrix_chain(element, 300, 3)).unwrap();
            let facts = OnnxFile::read(&path).unwrap();
            let port = |name: &str| Port {
                name: name.to_owned(),
                element,
                shape: vec![Some(300), Some(300)],
            };
            assert_eq!(facts.inputs, [port(INPUT)]);
            assert_eq!(facts.outputs, [port(OUTPUT)]);
            assert_eq!(facts.weights.get(&element), Some(&90_000));
            assert!(!facts.random);
        }
    }

    #[test]
    fn the_matrix_keeps_the_size_of_what_it_multiplies() {
        let side = 256;
        let matrix = matrix(side);
        let square: f32 = matrix.iter().map(|value| value * value).sum();
        // The variance of each value is 1 / side: over the matrix they sum to its side.
        assert!((square / side as f32 - 1.0).abs() < 0.02, "{square}");
        let values = matrix.as_slice().unwrap();
        assert!(values.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
