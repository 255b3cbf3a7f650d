//! The element types of tensors.

/// Element type of a graph's input, output or weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementType {
    /// IEEE single precision.
    Float32,
    /// IEEE half precision.
    Float16,
    /// The upper half of a single-precision number.
    BFloat16,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Any other type, by its number in `TensorProto.DataType`.
    Other(u64),
}

impl ElementType {
    /// The type with a number of `TensorProto.DataType`.
    pub(crate) fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Float32,
            10 => Self::Float16,
            16 => Self::BFloat16,
            6 => Self::Int32,
            7 => Self::Int64,
            other => Self::Other(other),
        }
    }
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float32 => f.write_str("float32"),
            Self::Float16 => f.write_str("float16"),
            Self::BFloat16 => f.write_str("bfloat16"),
            Self::Int32 => f.write_str("int32"),
            Self::Int64 => f.write_str("int64"),
            Self::Other(2) => f.write_str("uint8"),
            Self::Other(3) => f.write_str("int8"),
            Self::Other(11) => f.write_str("float64"),
            Self::Other(number) => write!(f, "type {number}"),
        }
    }
}
