//! Parallel work whose result does not depend on which thread is faster.

use rayon::prelude::*;

/// All values in order, or the error that comes first in that order.
///
/// rayon's own `collect` returns the error that happens first in time, which varies from run to run.
pub(crate) fn try_collect<T: Send, E: Send>(
    results: impl IndexedParallelIterator<Item = Result<T, E>>,
) -> Result<Vec<T>, E> {
    results.collect::<Vec<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_error_is_the_first_in_order_not_in_time() {
        let slow_then_fast = |number| match number {
            0 => {
                sleep(Duration::from_millis(50));
                Err("slow")
            }
            7 => Err("fast"),
            _ => Ok(number),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        pool.unwrap().install(|| {
            assert_eq!(
                try_collect((0..8).into_par_iter().map(slow_then_fast)),
                Err("slow")
            );
            assert_eq!(
                try_collect((1..7).into_par_iter().map(slow_then_fast)),
                Ok(vec![1, 2, 3, 4, 5, 6])
            );
        });
    }
}
