//! Why a valid sweep file has no plan.

use crate::image::{FitError, nearest_multiple};
use crate::pipeline::Kind;
use crate::spec::MAX_CELLS;
use crate::vocabulary::{Parameter, Scale};

/// Why no plan can be made from a valid sweep file.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PlanError {
    /// The image cannot be fitted to a size that the model takes.
    #[error("image {image} does not fit model {model}: {source}")]
    Fit {
        /// Name of the image.
        image: String,
        /// Name of the model.
        model: String,
        /// The rule that was broken.
        #[source]
        #[diagnostic_source]
        source: FitError,
    },
    /// The model cannot make images of the size that the sweep file asks for.
    #[error("model {model} does not make this size: {source}")]
    Size {
        /// Name of the model.
        model: String,
        /// The rule that was broken.
        #[source]
        #[diagnostic_source]
        source: FitError,
    },
    /// Guidance would end before it starts.
    #[error("guidance_start is {start} where guidance_end is {end}: guidance would act at no step")]
    #[diagnostic(help(
        "guidance_start is the smaller; leave such cells out with [[exclude]], or both keys for guidance at every step"
    ))]
    Interval {
        /// Where it would start.
        start: Scale,
        /// Where it would end.
        end: Scale,
    },
    /// The models of one stage are of different families.
    #[error("the models of stage {stage} are of different kinds: {first} and {second}")]
    #[diagnostic(help("take models of one kind in a stage; others in a sweep of their own"))]
    Families {
        /// Name of the stage.
        stage: String,
        /// Name of one model.
        first: String,
        /// Name of another model, of a different family.
        second: String,
    },
    /// A stage lacks something that its kind needs.
    #[error("{key} is missing: {model} {does}")]
    #[diagnostic(help("add it under {table}: {key} = {example}"))]
    Missing {
        /// The key.
        key: Parameter,
        /// Name of the model.
        model: String,
        /// What the model does.
        does: &'static str,
        /// The table where the key belongs.
        table: String,
        /// An example value in TOML.
        example: &'static str,
    },
    /// A stage sets something that has no meaning for its kind.
    #[error("{key} has no meaning for stage {stage}, which is {kind}; {users}")]
    #[diagnostic(help("take {key} out, or use a model of a kind that has it"))]
    Meaningless {
        /// The key.
        key: String,
        /// Name of the stage.
        stage: String,
        /// The stage's kind.
        kind: Kind,
        /// The kinds for which the key has a meaning, listed in words.
        users: String,
    },
    /// A preset or an exclusion has a key without a stage that several stages have.
    #[error("{key} of {place} could belong to several stages: {stages}")]
    #[diagnostic(help("say which: {example}.{key} = …"))]
    SeveralStages {
        /// The table.
        place: String,
        /// The key.
        key: Parameter,
        /// Names of those stages; empty if no stage has the key.
        stages: String,
        /// Name of one of them.
        example: String,
    },
    /// A table names a stage that does not exist.
    #[error("{place} names {stage}, which is no stage; the stages are {stages}")]
    #[diagnostic(help(
        "a stage is called by its `name`, or else by its kind, numbered if that repeats"
    ))]
    UnknownStage {
        /// The table.
        place: String,
        /// The name that it gives.
        stage: String,
        /// Names of the existing stages.
        stages: String,
    },
    /// A preset or an exclusion sets a key that cannot be set there for this stage.
    #[error("{place} cannot set {key} of stage {stage}: {reason}")]
    #[diagnostic(help("remove the key from one of them"))]
    ForeignKey {
        /// The table.
        place: String,
        /// Name of the stage.
        stage: String,
        /// The key.
        key: Parameter,
        /// Why not.
        reason: String,
    },
    /// An exclusion has a value that no cell has.
    #[error("{place} never matches: no cell of stage {stage} has {key} = {value}")]
    #[diagnostic(help("take one of the values that the stage has, or take the key out"))]
    NeverMatches {
        /// The table.
        place: String,
        /// Name of the stage.
        stage: String,
        /// The key.
        key: Parameter,
        /// The value.
        value: String,
    },
    /// A stage cannot have this mask.
    #[error("stage {stage} has no mask {mask}: {reason}")]
    #[diagnostic(help(
        "masks are files, {{ alpha = true }} of a first image that has transparency, or {{ changed = \"edit\" }} of an \
         earlier stage, by its name, that works on images"
    ))]
    Mask {
        /// Name of the stage.
        stage: String,
        /// The mask.
        mask: String,
        /// Why not.
        reason: String,
    },
    /// A later stage's model does not take the size of the images that the stage works on.
    #[error(
        "stage {stage} works on images of {width}x{height} pixels, which {model} does not take: sides must be \
         multiples of {multiple}"
    )]
    #[diagnostic(help(
        "the first stage determines the size; under [size], use fit = \"exact\" with width = {} and height = {}",
        nearest_multiple(*width, *multiple), nearest_multiple(*height, *multiple)
    ))]
    StageSize {
        /// Name of the stage.
        stage: String,
        /// Name of its model.
        model: String,
        /// Width of the images in pixels.
        width: u32,
        /// Height of the images in pixels.
        height: u32,
        /// The number that both must be a multiple of.
        multiple: u32,
    },
    /// A chain has more cells than a sweep may have.
    #[error("stage {stage} would have {cells} cells; {MAX_CELLS} are the limit")]
    #[diagnostic(help("each stage multiplies the images of the one before it: give fewer values"))]
    TooManyCells {
        /// Name of the stage.
        stage: String,
        /// The number of cells.
        cells: u64,
    },
    /// Exclusions match every cell.
    #[error("[[exclude]] leaves out {}", all(*cells))]
    #[diagnostic(help(
        "remove an [[exclude]] table, or add keys to it so that it matches fewer cells"
    ))]
    NothingLeft {
        /// Number of cells before the exclusions.
        cells: usize,
    },
}

fn all(cells: usize) -> String {
    match cells {
        1 => "the only cell".to_owned(),
        cells => format!("all {cells} cells"),
    }
}
