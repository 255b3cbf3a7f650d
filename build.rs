//! The demo's model is embedded by a macro that Cargo does not see through: say what it reads.

fn main() {
    println!("cargo::rerun-if-changed=onnx/demo");
}
