//! "Did you mean ...?"

/// The candidate that a mistyped word most likely meant, if one is close enough.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Edit distance takes quadratic time, and a word this long is no typing error.
    const LONGEST: usize = 200;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    // Three-letter words are all close to each other: "gpu" does not mean "cpu".
    let limit = word.chars().count() / 4;
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// A hint for a mistyped word: the nearest choice, or all of them.
pub(super) fn hint(word: &str, what: &str, choices: &[&str]) -> String {
    match nearest(word, choices.iter().copied()) {
        Some(choice) => format!("did you mean {choice}?"),
        None => format!("{what}: {}", choices.join(", ")),
    }
}
