//! Finding an entry of a long list by its name: a chain has as many images as cells, and each cell names one.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

/// Finds the images, masks and cells of the plan that it belongs to. It says nothing of its own: copies begin anew, and
/// all are equal.
#[derive(Debug, Default)]
pub struct ByName {
    pub(super) images: Lookup,
    pub(super) masks: Lookup,
    pub(super) cells: Lookup,
}

impl Clone for ByName {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for ByName {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A list that is no longer than this is searched.
const SHORT: usize = 16;

/// Where the entries of a long list are, found out at the first question. Entries may come and go after it; none is
/// renamed.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    known: OnceLock<Places>,
}

/// Where the entries of a list were.
#[derive(Debug)]
struct Places {
    /// How many there were.
    entries: usize,
    /// The first with each hash of a name.
    by_hash: HashMap<u64, usize>,
}

impl Lookup {
    /// The index of the first entry with this name.
    pub(super) fn place<T>(
        &self,
        list: &[T],
        name: &str,
        name_of: impl Fn(&T) -> &str,
    ) -> Option<usize> {
        let search = || list.iter().position(|entry| name_of(entry) == name);
        if list.len() <= SHORT {
            return search();
        }
        let known = self.known.get_or_init(|| {
            // The first of several that have the same hash is the last to be put there.
            let entries = list.iter().enumerate().rev();
            let by_hash = entries.map(|(place, entry)| (hash(name_of(entry)), place));
            Places {
                entries: list.len(),
                by_hash: by_hash.collect(),
            }
        });
        match known.by_hash.get(&hash(name)) {
            Some(&place) if list.get(place).is_some_and(|it| name_of(it) == name) => Some(place),
            // Another name has the same hash, or the list has changed since.
            Some(_) => search(),
            None if list.len() == known.entries => None,
            None => search(),
        }
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lookup: &Lookup, list: &[String], name: &str) -> Option<usize> {
        lookup.place(list, name, |entry| entry)
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("n{number}")).collect()
    }

    #[test]
    fn the_first_entry_of_a_name_is_found_even_if_the_list_has_changed() {
        for count in [4, SHORT + 4] {
            let lookup = Lookup::default();
            let mut list = names(count);
            list.push("n1".to_owned());
            assert_eq!(place(&lookup, &list, "n1"), Some(1));
            assert_eq!(place(&lookup, &list, "n3"), Some(3));
            assert_eq!(place(&lookup, &list, "new"), None);
            list.swap(0, 1);
            list.push("new".to_owned());
            assert_eq!(place(&lookup, &list, "n1"), Some(0));
            assert_eq!(place(&lookup, &list, "n0"), Some(1));
            assert_eq!(place(&lookup, &list, "new"), Some(count + 1));
            list.truncate(1);
            assert_eq!(place(&lookup, &list, "n3"), None);
        }
    }

    #[test]
    fn copies_of_a_lookup_know_nothing_of_the_list_it_was_for() {
        let (one, mut other) = (ByName::default(), names(SHORT + 1));
        assert_eq!(place(&one.images, &other, "n1"), Some(1));
        other.reverse();
        other.pop();
        assert_eq!(place(&one.clone().images, &other, "n1"), Some(SHORT - 1));
        assert_eq!(one, one.clone());
    }
}
