//! Lists values in words and keeps the text short, because their number and length are up to the user.

/// The longest list that is shown completely.
const WHOLE: usize = 12;

/// How many values of a longer list are shown from its start; the last value ends it.
const FIRST: usize = 8;

/// The most characters of a list that is shown completely, without its commas.
const WIDEST: usize = 240;

/// The most characters of a value that are shown.
const LONGEST: usize = 200;

/// For example `1, 2, 3`, or for a long list its beginning, end and length: `1, 2, …, 12000 (12000 values)`. If any
/// text contains a comma or would be invisible, all of them are quoted.
pub fn listing<T: AsRef<str>>(values: &[T]) -> String {
    let texts = values.iter().map(AsRef::as_ref);
    let quotes = values.len() > 1 && texts.clone().any(needs_quotes);
    let shown = |text: &str| {
        let text = shortened(text);
        if quotes { format!("\"{text}\"") } else { text }
    };
    let texts: Vec<String> = texts.take(WHOLE + 1).map(shown).collect();
    let mut characters = 0;
    let fits = |text: &&String| {
        characters += text.chars().count();
        characters <= WIDEST
    };
    let fitting = texts.iter().take_while(fits).count();
    match values {
        [_, .., last] if values.len() > WHOLE.min(fitting.max(2)) => {
            let first = texts[..fitting.clamp(1, FIRST)].join(", ");
            let last = shown(last.as_ref());
            format!("{first}, …, {last} ({} values)", values.len())
        }
        _ => texts.join(", "),
    }
}

fn needs_quotes(text: &str) -> bool {
    text.contains(',') || text.trim() != text || text.is_empty()
}

/// A text of which only the beginning is shown if it is long.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lists_are_whole_and_long_ones_say_how_long_they_are() {
        let numbers = |count: usize| (1..=count).map(|number| number.to_string());
        let numbers = |count| numbers(count).collect::<Vec<_>>();
        assert_eq!(listing(&numbers(3)), "1, 2, 3");
        assert!(listing(&numbers(12)).ends_with("11, 12"));
        assert_eq!(
            listing(&numbers(13)),
            "1, 2, 3, 4, 5, 6, 7, 8, …, 13 (13 values)"
        );
        assert!(listing(&numbers(100_000)).len() < 100);
        assert!(listing(&["x".repeat(10_000), "y".repeat(10_000)]).len() < 500);
    }

    #[test]
    fn long_values_leave_room_for_fewer_of_them() {
        let values = |count: usize| -> Vec<String> {
            (0..count)
                .map(|index| format!("{index}{}", "x".repeat(99)))
                .collect()
        };
        assert_eq!(listing(&values(2)), values(2).join(", "));
        let (first, second, last) = (&values(12)[0], &values(12)[1], &values(12)[11]);
        let expected = format!("{first}, {second}, …, {last} (12 values)");
        assert_eq!(listing(&values(12)), expected);
    }

    #[test]
    fn texts_with_commas_are_told_apart() {
        assert_eq!(listing(&["snow, fog", "night"]), "\"snow, fog\", \"night\"");
        assert_eq!(listing(&["", "blurry"]), "\"\", \"blurry\"");
        assert_eq!(listing(&["snow, fog"]), "snow, fog", "one alone is plain");
        assert_eq!(listing(&["day", "night"]), "day, night");
    }
}
