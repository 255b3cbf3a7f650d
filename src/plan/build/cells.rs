//! Turns the points of a stage into cells: their keys, which of them have the same pixels, and their images as inputs of
//! the next stage.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::Builder;
use super::sizes::Sizes;
use crate::digest::hexadecimal;
use crate::plan::name::prefix;
use crate::plan::pixels::{Hasher, SHORT};
use crate::plan::{Axis, Cell, ImageEntry, Plan, Stage};
use crate::vocabulary::{CellKey, Parameters};

/// How many points become cells at a time.
const TOGETHER: usize = 1 << 14;

/// What distinguishes one cell from others.
struct Identity {
    /// Width and height of its output in pixels.
    size: (u32, u32),
    /// SHA-256 of its recipe.
    digest: [u8; 32],
    /// Its key, unless another cell has it already.
    key: CellKey,
}

/// The keys in use. Two keys can be equal only if their hashes are.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The first cell of each hash, as an index into [`Plan::cells`].
    first: HashMap<[u8; SHORT], usize>,
    /// The keys of all further cells with one of these hashes.
    further: HashSet<CellKey>,
}

/// The outputs of a stage, as the next stage takes them.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    by_name: HashMap<String, Input>,
    /// In the order of their cells.
    entries: Vec<ImageEntry>,
}

/// The output of a cell, as the next stage takes it.
#[derive(Debug)]
pub(super) struct Input {
    /// The prefix of its cell's key, with which the keys of the next stage's cells begin.
    prefix: String,
    pub seed: u64,
    pub width: u32,
    pub height: u32,
    /// The preset of the cells it descends from, if there is one.
    pub preset: Option<String>,
    /// For each exclusion, whether the cells it descends from match so far.
    pub matched: Vec<bool>,
}

impl Builder<'_> {
    /// Appends the cells of a stage and links each to the first one with the same pixels (two presets may set the same
    /// values, or `guidance = "diffusers"` may switch guidance off, so that the scales have no effect). Their images
    /// are the inputs of the next stage, if there is one.
    pub(super) fn add_cells(
        &mut self,
        plan: &mut Plan,
        (stage, axes): (&Stage, &[Axis]),
        mut points: Vec<Parameters>,
        sizes: &Sizes,
        is_last: bool,
    ) {
        let place = plan.stages.len();
        let mut cells = std::mem::take(&mut plan.cells);
        cells.reserve_exact(points.len());
        let mut inputs = Inputs::default();
        let named = plan.images.iter().map(|image| image.name.as_str());
        let named: HashSet<&str> = named.filter(|_| !is_last).collect();
        let hasher = Hasher::new(plan, stage);
        // Taken off the end, some at a time: a million points need not be in memory beside their cells.
        points.reverse();
        while !points.is_empty() {
            let mut some = points.split_off(points.len().saturating_sub(TOGETHER));
            points.shrink_to_fit();
            some.reverse();
            let identities = self.identities(&hasher, axes, &some, sizes);
            for (parameters, identity) in some.into_iter().zip(identities) {
                let Identity { size, digest, key } = identity;
                let (key, same_as) = self.keys.give(key, &digest, &cells);
                let cell = Cell {
                    key,
                    parameters,
                    width: size.0,
                    height: size.1,
                    stage: place,
                    same_as,
                };
                if !is_last {
                    let input = self.input(place, &cell);
                    let name = free_name(&stage.name, &input.prefix, &inputs.by_name, &named);
                    inputs.add(name, input, &cell, &digest);
                }
                cells.push(cell);
            }
        }
        plan.cells = cells;
        self.inputs = inputs;
    }

    /// The size, hash and key of each of some points of a stage.
    fn identities(
        &self,
        hasher: &Hasher,
        axes: &[Axis],
        points: &[Parameters],
        sizes: &Sizes,
    ) -> Vec<Identity> {
        let identities = points.par_iter().map(|point| {
            let (width, height) = sizes.of(point);
            let digest = hasher.digest(point, width, height);
            let inherited = self.inputs.get(&point.image);
            let inherited = inherited.map(|input| input.prefix.as_str());
            let prefix = prefix(axes, point, inherited);
            Identity {
                size: (width, height),
                digest,
                key: CellKey::new(&prefix, &hexadecimal(&digest[..SHORT])),
            }
        });
        identities.collect()
    }

    /// The output of a cell, as the next stage takes it.
    fn input(&self, stage: usize, cell: &Cell) -> Input {
        let parameters = &cell.parameters;
        let inherited = self.inputs.get(&parameters.image);
        let inherited = inherited.and_then(|input| input.preset.as_ref());
        Input {
            prefix: cell.key.prefix().to_owned(),
            seed: parameters.seed,
            width: cell.width,
            height: cell.height,
            preset: parameters.preset.as_ref().or(inherited).cloned(),
            matched: self.matched(stage, parameters),
        }
    }
}

impl Keys {
    /// A key for the next cell that no earlier cell has; and, if an earlier cell has the same pixels, the key of the
    /// first such cell.
    fn give(
        &mut self,
        mut key: CellKey,
        digest: &[u8; 32],
        cells: &[Cell],
    ) -> (CellKey, Option<CellKey>) {
        let mut hash = [0; SHORT];
        hash.copy_from_slice(&digest[..SHORT]);
        let first = match self.first.entry(hash) {
            Entry::Vacant(vacant) => {
                vacant.insert(cells.len());
                return (key, None);
            }
            Entry::Occupied(first) => &cells[*first.get()].key,
        };
        while key == *first || self.further.contains(&key) {
            key = key.next();
        }
        self.further.insert(key.clone());
        (key, Some(first.clone()))
    }
}

impl Inputs {
    pub(super) fn get(&self, name: &str) -> Option<&Input> {
        self.by_name.get(name)
    }

    /// Hands over the images as entries of the plan.
    pub(super) fn take_entries(&mut self) -> Vec<ImageEntry> {
        std::mem::take(&mut self.entries)
    }

    fn add(&mut self, name: String, input: Input, cell: &Cell, digest: &[u8; 32]) {
        self.entries.push(ImageEntry {
            name: name.clone(),
            path: cell.key.image_path().into(),
            sha256: hexadecimal(digest),
            cell: Some(cell.key.clone()),
            converted: false,
            width: cell.width,
            height: cell.height,
        });
        self.by_name.insert(name, input);
    }
}

/// The name of a cell's image as an input of the next stage: the stage and the varying values, so that the name stays
/// the same when models and recipes change.
fn free_name(
    stage: &str,
    prefix: &str,
    taken: &HashMap<String, Input>,
    images: &HashSet<&str>,
) -> String {
    let separator = if prefix.is_empty() { "" } else { "/" };
    let plain = format!("{stage}{separator}{prefix}");
    let is_free = |name: &String| !taken.contains_key(name) && !images.contains(name.as_str());
    let numbered = (2_u32..).map(|number| format!("{plain}~{number}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    names.find(is_free).unwrap_or(plain)
}
