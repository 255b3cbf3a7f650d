//! Parallel work whose result does not depend on which thread is faster.

use rayon::prelude::*;

/// How many entries of a list a thread writes at a time.
const TOGETHER: usize = 1 << 10;
/// How many entries' texts are in memory at a time.
const AT_ONCE: usize = 1 << 14;

/// All values in order, or the error that comes first in that order.
///
/// rayon's own `collect` returns the error that happens first in time, which varies from run to run.
pub(crate) fn try_collect<T: Send, E: Send>(
    results: impl IndexedParallelIterator<Item = Result<T, E>>,
) -> Result<Vec<T>, E> {
    results.collect::<Vec<_>>().into_iter().collect()
}

/// Writes a long list with all cores: parts of it become text, which is handed on in order, little of it in memory at a
/// time.
pub(crate) fn write_in_order<T: Sync, E: Send>(
    entries: &[T],
    text: impl Fn(&[T]) -> Result<Vec<u8>, E> + Sync,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for some in entries.chunks(AT_ONCE) {
        for text in try_collect(some.par_chunks(TOGETHER).map(&text))? {
            write(&text)?;
        }
    }
    Ok(())
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

    #[test]
    fn a_long_list_is_written_in_order() {
        let numbers: Vec<usize> = (0..AT_ONCE * 2 + 7).collect();
        let text = |numbers: &[usize]| {
            let lines = numbers.iter().map(|number| format!("{number}\n"));
            Ok::<_, ()>(lines.collect::<String>().into_bytes())
        };
        let mut written = Vec::new();
        let write = |text: &[u8]| {
            written.extend_from_slice(text);
            Ok(())
        };
        write_in_order(&numbers, text, write).unwrap();
        assert_eq!(Ok(written), text(&numbers));
    }
}
