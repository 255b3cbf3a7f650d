//! Numbers in the form people use.

/// `1 cell`, `2 cells`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {}", plural(number, what))
}

/// The plural; a word that ends with an s, as the keys of some parameters do, stays unchanged.
fn plural(number: usize, what: &str) -> String {
    match number {
        1 => what.to_owned(),
        _ if what.ends_with('s') => what.to_owned(),
        _ => format!("{what}s"),
    }
}

/// `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=9 => format!("{seconds:.1} s"),
        10..=119 => format!("{whole} s"),
        120..=5999 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// As [`duration`], for a running clock: in whole seconds, and never zero while something is left.
pub fn clock(seconds: f64) -> String {
    match seconds.ceil().max(1.0) {
        few @ ..10.0 => format!("{few:.0} s"),
        more => duration(more),
    }
}

/// The rate of steps: `12.4 steps/s`, or `13.3 s/step` if a step is slow.
pub fn pace(steps_per_second: f64) -> String {
    if steps_per_second >= 1.0 || steps_per_second == 0.0 {
        format!("{steps_per_second:.1} steps/s")
    } else {
        format!("{:.1} s/step", 1.0 / steps_per_second)
    }
}

/// Amounts of memory: `512 MiB`, `2.1 GiB`.
pub fn memory(bytes: f64) -> String {
    let mib = bytes / f64::from(1 << 20);
    if mib < 1000.0 {
        format!("{mib:.0} MiB")
    } else {
        format!("{:.1} GiB", mib / 1024.0)
    }
}

/// Sizes of files, in decimal units like file managers: `81 kB`, `492 MB`, `3.4 GB`.
pub fn file_size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        1e9.. => format!("{:.1} GB", bytes / 1e9),
        1e6.. => format!("{:.0} MB", bytes / 1e6),
        _ => format!("{:.0} kB", (bytes / 1e3).ceil()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_no_zero_while_something_is_left() {
        assert_eq!(clock(0.0), "1 s");
        assert_eq!(clock(0.2), "1 s");
        assert_eq!(clock(8.4), "9 s");
        assert_eq!(clock(9.5), "10 s");
        assert_eq!(clock(200.0), "3 min 20 s");
        assert_eq!(duration(0.8), "0.8 s");
        assert_eq!(duration(7500.0), "2 h 5 min");
    }

    #[test]
    fn sizes_have_the_unit_that_leaves_few_digits() {
        assert_eq!(file_size(3_438_000_000), "3.4 GB");
        assert_eq!(file_size(492_300_000), "492 MB");
        assert_eq!(file_size(300), "1 kB");
        assert_eq!(memory(2.1 * f64::from(1 << 30)), "2.1 GiB");
        assert_eq!(count(1, "cell"), "1 cell");
        assert_eq!(count(0, "cell"), "0 cells");
        assert_eq!(count(3, "num_inference_steps"), "3 num_inference_steps");
    }
}
