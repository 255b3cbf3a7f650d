//! What `ip2p` is run on, and checks of its output.

use std::process::Output;

use predicates::prelude::*;

pub use crate::common::place::Place;

/// One cell of two steps; `more` goes into `[sweep]` or after it.
pub fn sweep(more: &str) -> String {
    format!(
        "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n\
         num_inference_steps = 2\n{more}"
    )
}

/// All that a command printed: its results, then its messages.
pub fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

pub fn says(error: &str) -> impl Predicate<str> + use<> {
    predicate::eq(format!("error: {error}\n"))
}
