//! The last draws of a generator and its clones, so that those in the same state compute a draw only once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Source;

/// How many draws are remembered: no sampler draws more often in one step.
const REMEMBERED: usize = 4;

/// Shorter draws are not remembered, because drawing them is as fast as looking them up.
const SHORTEST: usize = 256;

/// The last draws, shared by all clones.
#[derive(Debug, Clone, Default)]
pub(super) struct Tape(Arc<Mutex<VecDeque<Draw>>>);

/// One draw: the generator's state before and after it, and the numbers drawn.
#[derive(Debug)]
struct Draw {
    before: Source,
    after: Source,
    numbers: Box<[f32]>,
}

impl Tape {
    /// Draws from a generator, or returns what another in the same state has drawn. Other callers wait meanwhile, then
    /// find it.
    pub(super) fn fill(&self, source: &mut Source, numbers: &mut [f32]) {
        if numbers.len() < SHORTEST {
            return source.fill(numbers);
        }
        let mut draws = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |draw: &&Draw| draw.numbers.len() == numbers.len() && draw.before == *source;
        if let Some(known) = draws.iter().find(is_known) {
            numbers.copy_from_slice(&known.numbers);
            source.clone_from(&known.after);
            return;
        }
        let before = source.clone();
        source.fill(numbers);
        if draws.len() == REMEMBERED {
            draws.pop_front();
        }
        draws.push_back(Draw {
            before,
            after: source.clone(),
            numbers: numbers.into(),
        });
    }
}
