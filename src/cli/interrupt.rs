//! Ctrl-C: the first asks for a clean end, the second ends at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use super::render;

/// What a shell expects of a program that SIGINT ended.
pub const EXIT_CODE: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);

/// The flag that the first Ctrl-C sets.
pub fn flag() -> &'static AtomicBool {
    // Without a handler Ctrl-C ends the program at once, which a run folder survives as well.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            process::exit(i32::from(EXIT_CODE));
        }
        render::aside(format_args!(
            "stopping after this step; once more to stop at once"
        ));
    });
    &ASKED
}
