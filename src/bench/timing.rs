//! Repeats calls until a time is used up, and reports their median and spread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meter::milliseconds;
use crate::vocabulary::median;

/// The fewest calls from which to take a median.
const FEWEST_CALLS: usize = 3;

/// Milliseconds of a repeated call; the first call is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// The median.
    pub median_ms: f64,
    /// The fastest call.
    pub fastest_ms: f64,
    /// The slowest call.
    pub slowest_ms: f64,
    /// The number of calls counted.
    pub calls: usize,
}

/// Why a benchmark ends early.
#[derive(Debug)]
pub(super) enum Stop<E> {
    /// It was cancelled.
    Cancelled,
    /// A call failed.
    Failed(E),
}

impl<E> From<E> for Stop<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

/// Times calls one after another until the budget is used up.
#[derive(Debug)]
pub(super) struct Stopwatch<'a> {
    pub budget: Duration,
    pub cancel: &'a AtomicBool,
}

impl Stopwatch<'_> {
    /// Calls once to warm up, then at least three times.
    pub fn time<E>(&self, mut call: impl FnMut() -> Result<(), E>) -> Result<Timing, Stop<E>> {
        self.check()?;
        call()?;
        let begun = Instant::now();
        let mut ms = Vec::new();
        while ms.len() < FEWEST_CALLS || begun.elapsed() < self.budget {
            self.check()?;
            let begun = Instant::now();
            call()?;
            ms.push(milliseconds(begun));
        }
        Ok(Timing {
            median_ms: median(ms.clone()).unwrap_or(f64::NAN),
            fastest_ms: ms.iter().copied().fold(f64::INFINITY, f64::min),
            slowest_ms: ms.iter().copied().fold(0.0, f64::max),
            calls: ms.len(),
        })
    }

    fn check<E>(&self) -> Result<(), Stop<E>> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(Stop::Cancelled),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::thread::sleep;

    use super::*;

    #[test]
    fn the_first_call_warms_up_and_three_are_counted_however_slow() {
        let cancel = AtomicBool::new(false);
        let watch = Stopwatch {
            budget: Duration::ZERO,
            cancel: &cancel,
        };
        let mut calls = 0;
        let timing = watch.time(|| {
            calls += 1;
            // The first call is by far the slowest.
            sleep(Duration::from_millis(if calls == 1 { 200 } else { 2 }));
            Ok::<(), Infallible>(())
        });
        let timing = timing.unwrap();
        assert_eq!((calls, timing.calls), (4, 3));
        assert!(timing.fastest_ms >= 2.0 && timing.fastest_ms <= timing.median_ms);
        assert!(timing.median_ms <= timing.slowest_ms);
        assert!(timing.median_ms < 200.0, "{timing:?}");
    }

    #[test]
    fn calls_go_on_until_the_budget_is_used_up() {
        let cancel = AtomicBool::new(false);
        let watch = Stopwatch {
            budget: Duration::from_millis(50),
            cancel: &cancel,
        };
        let begun = Instant::now();
        let timing = watch.time(|| {
            sleep(Duration::from_millis(1));
            Ok::<(), Infallible>(())
        });
        assert!(timing.unwrap().calls > 3);
        assert!(begun.elapsed() >= watch.budget);
    }

    #[test]
    fn an_error_and_a_request_end_it_at_once() {
        let cancel = AtomicBool::new(false);
        let watch = Stopwatch {
            budget: Duration::from_secs(600),
            cancel: &cancel,
        };
        let failed = watch.time(|| Err("no"));
        assert!(matches!(failed, Err(Stop::Failed("no"))));
        let stopped = watch.time(|| {
            cancel.store(true, Ordering::Relaxed);
            Ok::<(), Infallible>(())
        });
        assert!(matches!(stopped, Err(Stop::Cancelled)));
    }
}
