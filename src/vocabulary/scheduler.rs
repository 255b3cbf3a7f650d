//! The schedulers by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A scheduler that a sweep can name; each is a diffusers class with fixed options.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SchedulerKind {
    /// `EulerAncestralDiscreteScheduler`, which InstructPix2Pix's own model names.
    #[default]
    EulerAncestral,
    /// `EulerDiscreteScheduler`.
    Euler,
    /// `HeunDiscreteScheduler`.
    Heun,
    /// `LMSDiscreteScheduler`.
    Lms,
    /// `DDIMScheduler`.
    Ddim,
    /// `DDPMScheduler`.
    Ddpm,
    /// `PNDMScheduler`.
    Pndm,
    /// `DPMSolverMultistepScheduler`.
    #[serde(rename = "dpmpp_2m")]
    Dpmpp2m,
    /// `DPMSolverMultistepScheduler` with Karras sigmas.
    #[serde(rename = "dpmpp_2m_karras")]
    Dpmpp2mKarras,
    /// `UniPCMultistepScheduler`.
    #[serde(rename = "unipc")]
    UniPc,
    /// `LCMScheduler`.
    Lcm,
}

impl SchedulerKind {
    /// All schedulers, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::EulerAncestral,
        Self::Euler,
        Self::Heun,
        Self::Lms,
        Self::Ddim,
        Self::Ddpm,
        Self::Pndm,
        Self::Dpmpp2m,
        Self::Dpmpp2mKarras,
        Self::UniPc,
        Self::Lcm,
    ];

    /// Its name in sweep files.
    pub fn name(self) -> &'static str {
        match self {
            Self::EulerAncestral => "euler_ancestral",
            Self::Euler => "euler",
            Self::Heun => "heun",
            Self::Lms => "lms",
            Self::Ddim => "ddim",
            Self::Ddpm => "ddpm",
            Self::Pndm => "pndm",
            Self::Dpmpp2m => "dpmpp_2m",
            Self::Dpmpp2mKarras => "dpmpp_2m_karras",
            Self::UniPc => "unipc",
            Self::Lcm => "lcm",
        }
    }

    /// Its names in other tools: lower case, only letters and digits.
    pub fn elsewhere(self) -> &'static [&'static str] {
        match self {
            Self::EulerAncestral => &[
                "eulera",
                "keulera",
                "keulerancestral",
                "eulerancestraldiscretescheduler",
            ],
            Self::Euler => &["keuler", "eulerdiscretescheduler"],
            Self::Heun => &["kheun", "heundiscretescheduler"],
            Self::Lms => &["klms", "lmsdiscretescheduler"],
            Self::Ddim => &["ddimscheduler"],
            Self::Ddpm => &["ddpmscheduler"],
            Self::Pndm => &["plms", "pndmscheduler"],
            Self::Dpmpp2m => &[
                "dpm2m",
                "kdpmpp2m",
                "dpmpp2m",
                "dpmsolver",
                "dpmsolvermultistep",
                "dpmsolvermultistepscheduler",
            ],
            Self::Dpmpp2mKarras => &["dpm2mkarras", "kdpmpp2mka", "dpmpp2mkarras", "karras"],
            Self::UniPc => &["unipcmultistep", "unipcmultistepscheduler", "unipcbh2"],
            Self::Lcm => &["lcmscheduler"],
        }
    }

    /// The scheduler meant by a name that is misspelt or another tool's.
    pub fn meant_by(name: &str) -> Option<Self> {
        let letters = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_lowercase()).collect()
        };
        let name = letters(name);
        Self::ALL
            .into_iter()
            .find(|kind| letters(kind.name()) == name || kind.elsewhere().contains(&name.as_str()))
    }

    /// The scheduler with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
