//! Panics of decoders: damaged files of users reach code of others that may give up in this way. They become errors.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder; `None` if it panicked.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    let before = IS_GUARDED.replace(true);
    // Nothing of a decoder is used again after it has panicked.
    let decoded = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_GUARDED.set(before);
    decoded.ok()
}

/// Makes the panic hook pass over panics that become errors, which are reported as such.
pub fn hide_from_hook() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |fault| {
        if !IS_GUARDED.get() {
            hook(fault);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_the_guard_ends_with_it() {
        assert_eq!(guarded(|| guarded(|| 3)), Some(Some(3)));
        assert_eq!(guarded(|| -> u8 { panic!("a test of panics") }), None);
        assert!(!IS_GUARDED.get());
        assert!(guarded(|| IS_GUARDED.get()).unwrap());
    }
}
