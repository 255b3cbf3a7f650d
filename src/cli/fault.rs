//! Panics: reported in our own words, with one of the documented exit codes.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use ip2p_sweep::guard;

use super::render;

/// Reports panics as errors of the program, with what to do about them.
pub fn report_panics() {
    panic::set_hook(Box::new(|fault| {
        let (problem, remedy) = message_and_remedy(fault);
        render::complain(&problem, &remedy);
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            render::aside(format_args!("{trace}"));
        }
    }));
    guard::hide_from_hook();
}

/// Runs a command; `None` if it panicked, which has then been reported.
pub fn catching_panics<T>(command: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(command)).ok()
}

/// The message, and what to do about it.
fn message_and_remedy(fault: &PanicHookInfo) -> (String, String) {
    let place = fault
        .location()
        .map_or_else(String::new, |place| format!(" ({place})"));
    let reason = fault.payload_as_str().unwrap_or("no reason is known");
    let problem = format!("ip2p has crashed because of a bug: {reason}{place}");
    let remedy = format!(
        "please report this with the command line and `ip2p --version`, which is {}; RUST_BACKTRACE=1 gives more \
         detail. Finished cells are kept: run again to resume",
        env!("CARGO_PKG_VERSION")
    );
    (problem, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_a_command_and_not_the_program() {
        assert_eq!(catching_panics(|| 3), Some(3));
        assert_eq!(
            catching_panics(|| -> u8 { panic!("a test of panics") }),
            None
        );
    }
}
