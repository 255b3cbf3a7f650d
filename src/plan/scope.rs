//! Presets and exclusions of a chain: finds the stage that each of their keys belongs to.

use super::PlanError;
use super::draft::StageDraft;
use crate::pipeline::{Family, Kind};
use crate::spec::{Overrides, Preset, SweepSpec};
use crate::vocabulary::{Parameter, Parameters};

/// What presets and exclusions set for each stage.
#[derive(Debug)]
pub(super) struct Scopes {
    /// The stage that has the presets as an axis: the first one for which some preset sets a key. The cells of later
    /// stages have the preset of the image they work on.
    pub presets_vary_at: usize,
    /// For each stage, every preset with what it sets there.
    presets: Vec<Vec<Preset>>,
    rules: Vec<Rule>,
}

/// An exclusion. It leaves out a cell of the last stage that it has a key of, if that cell and its ancestors match.
#[derive(Debug)]
struct Rule {
    /// What it requires of each stage.
    parts: Vec<Overrides>,
    last: usize,
}

/// A stage, as keys are looked up among all stages.
#[derive(Debug)]
pub(super) struct ScopedStage<'a, 's> {
    /// Its name.
    pub name: String,
    /// The family of its models.
    pub family: Family,
    /// What the sweep file says about it.
    pub draft: &'a StageDraft<'s>,
}

impl Scopes {
    /// Finds the stage of every key.
    pub fn of(spec: &SweepSpec, scoped_stages: &[ScopedStage]) -> Result<Self, PlanError> {
        let mut scopes = Self {
            presets_vary_at: 0,
            presets: scoped_stages.iter().map(|_| Vec::new()).collect(),
            rules: Vec::new(),
        };
        let finder = Finder {
            scoped_stages,
            presets_vary_at: 0,
        };
        for preset in &spec.presets {
            let place = format!("preset {:?}", preset.name);
            let parts = finder.parts(&preset.overrides, &place)?;
            for ((part, presets), home) in parts
                .into_iter()
                .zip(&mut scopes.presets)
                .zip(scoped_stages)
            {
                finder.check_preset(home, &part, &place)?;
                presets.push(Preset {
                    name: preset.name.clone(),
                    overrides: part,
                });
            }
        }
        let sets =
            |presets: &Vec<Preset>| presets.iter().any(|preset| !preset.overrides.is_empty());
        scopes.presets_vary_at = scopes.presets.iter().position(sets).unwrap_or_default();
        let finder = Finder {
            presets_vary_at: scopes.presets_vary_at,
            ..finder
        };
        for (number, exclude) in (1..).zip(&spec.excludes) {
            let parts = finder.parts(exclude, &format!("exclude {number}"))?;
            let last = parts.iter().rposition(|part| !part.is_empty());
            scopes.rules.push(Rule {
                last: last.unwrap_or_default(),
                parts,
            });
        }
        Ok(scopes)
    }

    /// Every preset, with what it sets for a stage.
    pub fn presets(&self, stage: usize) -> &[Preset] {
        self.presets.get(stage).map_or(&[], Vec::as_slice)
    }

    /// The matches before the first stage: no exclusion has matched yet.
    pub fn unmatched(&self) -> Vec<bool> {
        vec![true; self.rules.len()]
    }

    /// For every exclusion, whether a cell matches so far, given the matches `before` of the cell it works on.
    pub fn matched(&self, stage: usize, before: &[bool], cell: &Parameters) -> Vec<bool> {
        let rules = self.rules.iter().zip(before);
        rules
            .map(|(rule, before)| *before && rule.parts[stage].match_all_of(cell))
            .collect()
    }

    /// Whether a stage's cell with these matches is left out.
    pub fn excludes(&self, stage: usize, matched: &[bool]) -> bool {
        let mut rules = self.rules.iter().zip(matched);
        rules.any(|(rule, matched)| *matched && rule.last == stage)
    }

    /// Refuses exclusions with values that no cell of a stage has.
    pub fn check_occurring(
        &self,
        (stage, name): (usize, &str),
        cells: &[Parameters],
    ) -> Result<(), PlanError> {
        for (number, rule) in (1..).zip(&self.rules) {
            for (key, value) in rule.parts[stage].iter() {
                if !cells.iter().any(|cell| cell.has(key, value)) {
                    return Err(PlanError::NeverMatches {
                        place: format!("exclude {number}"),
                        stage: name.to_owned(),
                        key,
                        value: value.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

struct Finder<'a, 's> {
    scoped_stages: &'a [ScopedStage<'a, 's>],
    presets_vary_at: usize,
}

impl Finder<'_, '_> {
    /// Splits the keys of a table by stage.
    fn parts(&self, overrides: &Overrides, place: &str) -> Result<Vec<Overrides>, PlanError> {
        let mut parts = vec![Overrides::default(); self.scoped_stages.len()];
        let mut set = |stage: usize, key, value| {
            parts[stage] = std::mem::take(&mut parts[stage]).with(key, value);
        };
        for (key, value) in overrides.iter() {
            set(self.stage_of_key(key, place)?, key, value.clone());
        }
        for (name, own) in overrides.stages() {
            let mut scoped_stages = self.scoped_stages.iter();
            let stage = scoped_stages.position(|home| home.name == *name);
            let stage = stage.ok_or_else(|| PlanError::UnknownStage {
                place: place.to_owned(),
                stage: name.clone(),
                stages: self.names(self.scoped_stages.iter()),
            })?;
            for (key, value) in own.iter() {
                self.check_key(stage, key, place)?;
                set(stage, key, value.clone());
            }
        }
        Ok(parts)
    }

    /// The stage of a key without a stage: the only one that sets it, or the only one whose models have it.
    fn stage_of_key(&self, key: Parameter, place: &str) -> Result<usize, PlanError> {
        if self.scoped_stages.len() == 1 || key == Parameter::Image {
            return Ok(0);
        }
        if key == Parameter::Preset {
            return Ok(self.presets_vary_at);
        }
        let scoped_stages = || self.scoped_stages.iter().enumerate();
        let setting: Vec<usize> = scoped_stages()
            .filter(|(_, home)| home.draft.sets(key))
            .map(|(stage, _)| stage)
            .collect();
        let found = match setting.is_empty() {
            false => setting,
            true => (scoped_stages().filter(|(_, home)| has(home.family, key)))
                .map(|(stage, _)| stage)
                .collect(),
        };
        match found.as_slice() {
            [only] => Ok(*only),
            several => Err(PlanError::SeveralStages {
                place: place.to_owned(),
                key,
                stages: self.names(several.iter().map(|&stage| &self.scoped_stages[stage])),
                example: self.scoped_stages[several.first().copied().unwrap_or_default()]
                    .name
                    .clone(),
            }),
        }
    }

    /// Refuses keys that a stage takes from the previous stage.
    fn check_key(&self, stage: usize, key: Parameter, place: &str) -> Result<(), PlanError> {
        let home = &self.scoped_stages[stage];
        let reason = if key == Parameter::Image && stage > 0 {
            "its images are those of the stage before"
        } else if key == Parameter::Preset && stage != self.presets_vary_at {
            "the presets are an axis of another stage"
        } else {
            return Ok(());
        };
        Err(self.foreign(home, key, place, reason))
    }

    /// Refuses presets for keys that a stage varies itself or takes from the cell it works on.
    fn check_preset(
        &self,
        home: &ScopedStage,
        part: &Overrides,
        place: &str,
    ) -> Result<(), PlanError> {
        // A sweep with a single stage has been checked with the sweep file.
        for (key, _) in part.iter().filter(|_| self.scoped_stages.len() > 1) {
            let reason = if home.draft.values[key].len() > 1 {
                "it has several values there, which makes it an axis of its own"
            } else if key == Parameter::Seed && home.draft.same_seed {
                "it is that of the cell that each works on"
            } else {
                continue;
            };
            return Err(self.foreign(home, key, place, reason));
        }
        Ok(())
    }

    fn foreign(&self, home: &ScopedStage, key: Parameter, place: &str, reason: &str) -> PlanError {
        PlanError::ForeignKey {
            place: place.to_owned(),
            stage: home.name.clone(),
            key,
            reason: reason.to_owned(),
        }
    }

    fn names<'h>(&self, scoped_stages: impl Iterator<Item = &'h ScopedStage<'h, 'h>>) -> String {
        scoped_stages
            .map(|home| home.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Whether a key has a meaning for some kind of a family.
fn has(family: Family, key: Parameter) -> bool {
    let mut kinds = Kind::ALL.into_iter().filter(|kind| kind.family() == family);
    kinds.any(|kind| kind.pipeline().needs().have(key))
}
