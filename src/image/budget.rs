//! A common memory budget for all images that are decoded in parallel.

use std::sync::{Condvar, Mutex, PoisonError};

/// How many bytes decoding may take at a time. An image that needs more waits until it is the only one.
const BYTES: u64 = 1 << 30;

static BUDGET: Budget = Budget::new(BYTES);

struct Budget {
    bytes: u64,
    taken: Mutex<u64>,
    returned: Condvar,
}

/// A share of the budget, given back when dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

/// Waits for this many bytes of the budget. The holder of a share must not wait for other threads: a waiting rayon
/// thread could start on the next image, which would wait for this very share.
pub(super) fn share(bytes: u64) -> Share<'static> {
    BUDGET.share(bytes)
}

impl Budget {
    const fn new(bytes: u64) -> Self {
        Self {
            bytes,
            taken: Mutex::new(0),
            returned: Condvar::new(),
        }
    }

    fn share(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.bytes);
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let lacks = |taken: &mut u64| *taken + bytes > self.bytes;
        let mut taken = self
            .returned
            .wait_while(taken, lacks)
            .unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Share {
            budget: self,
            bytes,
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let taken = self.budget.taken.lock();
        *taken.unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn no_more_is_taken_at_a_time_than_there_is() {
        let (budget, held, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [60, 60, 30, 30, 500, 10, 90, 20] {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    let share = budget.share(bytes);
                    let now = held.fetch_add(share.bytes, Ordering::SeqCst) + share.bytes;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::yield_now();
                    held.fetch_sub(share.bytes, Ordering::SeqCst);
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
        assert_eq!(*budget.taken.lock().unwrap(), 0);
    }
}
