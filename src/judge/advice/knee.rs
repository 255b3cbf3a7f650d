//! The knee between keeping the image and following the instruction, as CLIP measures both.
//!
//! More text guidance follows the instruction further and keeps less of the image. Along the cells that no other cell
//! beats in both, the knee is where gaining one begins to cost more of the other than before (Satopaa et al. 2011,
//! "Finding a 'Kneedle' in a Haystack").

/// How much a cell keeps of its image, and how far it follows its instruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Similarities {
    pub(super) image: f64,
    pub(super) direction: f64,
}

/// The index of the knee. Among the cells that no other beats in both, it is the one furthest above the line between
/// the two ends; `None` if none is above it, so that every gain costs as much as the last. A cell that beats all others
/// is the knee.
pub(super) fn knee(cells: &[Similarities]) -> Option<usize> {
    let is_bettered = |one: &Similarities| {
        let at_least =
            |other: &&Similarities| other.image >= one.image && other.direction >= one.direction;
        let mut better = cells.iter().filter(at_least);
        better.any(|other| other != one)
    };
    let front: Vec<usize> = (0..cells.len())
        .filter(|&place| !is_bettered(&cells[place]))
        .collect();
    let range = |value: fn(&Similarities) -> f64| {
        let values = front.iter().map(|&place| value(&cells[place]));
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (image, direction) = (range(|it| it.image), range(|it| it.direction));
    if front.is_empty() {
        return None;
    }
    let share = |value: f64, (low, high): (f64, f64)| match high > low {
        true => (value - low) / (high - low),
        false => 1.0,
    };
    let above = |place: usize| {
        let cell = &cells[place];
        share(cell.image, image) + share(cell.direction, direction) - 1.0
    };
    // Of equal ones the first.
    let best = front.into_iter().reduce(|best, place| {
        let is_better = above(place) > above(best) + 1e-9;
        if is_better { place } else { best }
    })?;
    (above(best) > 1e-9).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knee_of(cells: &[(f64, f64)]) -> Option<usize> {
        let cells = cells
            .iter()
            .map(|&(image, direction)| Similarities { image, direction });
        knee(&cells.collect::<Vec<_>>())
    }

    #[test]
    fn the_knee_is_where_following_further_begins_to_cost() {
        let curve = [
            (0.98, 0.02),
            (0.95, 0.12),
            (0.91, 0.2),
            (0.8, 0.22),
            (0.6, 0.23),
        ];
        assert_eq!(knee_of(&curve), Some(2));
    }

    #[test]
    fn cells_that_another_betters_in_both_do_not_count() {
        let curve = [
            (0.98, 0.02),
            (0.5, 0.1),
            (0.91, 0.2),
            (0.6, 0.23),
            (0.7, -0.3),
        ];
        assert_eq!(knee_of(&curve), Some(2));
        assert_eq!(knee_of(&[(0.9, 0.2), (0.8, 0.1)]), Some(0));
    }

    #[test]
    fn where_each_gain_costs_as_much_as_the_last_there_is_none() {
        assert_eq!(knee_of(&[(0.9, 0.1), (0.8, 0.2)]), None);
        assert_eq!(knee_of(&[(0.9, 0.1), (0.8, 0.15), (0.7, 0.2)]), None);
        assert_eq!(knee_of(&[(0.9, 0.1), (0.75, 0.12), (0.7, 0.2)]), None);
        assert_eq!(knee_of(&[]), None);
    }
}
