//! Panics of libraries become errors: users' files, which may be damaged, reach code of others that gives up in this way.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a library's parser; `None` if it panicked.
pub(crate) fn guarded<T>(parse: impl FnOnce() -> T) -> Option<T> {
    let before = IS_GUARDED.replace(true);
    // Nothing of a parser is used again after it has panicked.
    let parsed = panic::catch_unwind(AssertUnwindSafe(parse));
    IS_GUARDED.set(before);
    parsed.ok()
}

/// Makes the panic hook pass over panics that become errors, which are reported as such.
pub fn hide_from_hook() {
    static HIDDEN: Once = Once::new();
    HIDDEN.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |fault| {
            if !IS_GUARDED.get() {
                hook(fault);
            }
        }));
    });
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
