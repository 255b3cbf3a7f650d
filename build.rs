//! Tells Cargo which files a macro embeds, because Cargo cannot see that itself.

use std::fs;

fn main() {
    println!("cargo::rerun-if-changed=onnx/demo");
    // Listed file by file, because Python leaves its caches in the folder.
    let files = fs::read_dir("onnx/ip2p_export").into_iter().flatten();
    for path in files.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|end| end == "py") {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}
