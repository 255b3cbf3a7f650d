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

/// How a scheduler is called, here and elsewhere.
#[derive(Debug)]
struct Names {
    /// In sweep files.
    here: &'static str,
    /// In other tools: lower case, only letters and digits.
    elsewhere: &'static [&'static str],
    /// In the AUTOMATIC1111 web UI: the sampler and, if part of the sampler here, its schedule type there.
    web_ui: (&'static str, Option<&'static str>),
}

const EULER_ANCESTRAL: Names = Names {
    here: "euler_ancestral",
    elsewhere: &[
        "eulera",
        "keulera",
        "keulerancestral",
        "eulerancestraldiscretescheduler",
    ],
    web_ui: ("Euler a", None),
};

const EULER: Names = Names {
    here: "euler",
    elsewhere: &["keuler", "eulerdiscretescheduler"],
    web_ui: ("Euler", None),
};

const HEUN: Names = Names {
    here: "heun",
    elsewhere: &["kheun", "heundiscretescheduler"],
    web_ui: ("Heun", None),
};

const LMS: Names = Names {
    here: "lms",
    elsewhere: &["klms", "lmsdiscretescheduler"],
    web_ui: ("LMS", None),
};

const DDIM: Names = Names {
    here: "ddim",
    elsewhere: &["ddimscheduler"],
    web_ui: ("DDIM", None),
};

const DDPM: Names = Names {
    here: "ddpm",
    elsewhere: &["ddpmscheduler"],
    web_ui: ("DDPM", None),
};

const PNDM: Names = Names {
    here: "pndm",
    elsewhere: &["plms", "pndmscheduler"],
    web_ui: ("PLMS", None),
};

const DPMPP_2M: Names = Names {
    here: "dpmpp_2m",
    elsewhere: &[
        "dpm2m",
        "kdpmpp2m",
        "dpmpp2m",
        "dpmsolver",
        "dpmsolvermultistep",
        "dpmsolvermultistepscheduler",
    ],
    web_ui: ("DPM++ 2M", None),
};

const DPMPP_2M_KARRAS: Names = Names {
    here: "dpmpp_2m_karras",
    elsewhere: &["dpm2mkarras", "kdpmpp2mka", "dpmpp2mkarras", "karras"],
    web_ui: ("DPM++ 2M", Some("Karras")),
};

const UNI_PC: Names = Names {
    here: "unipc",
    elsewhere: &["unipcmultistep", "unipcmultistepscheduler", "unipcbh2"],
    web_ui: ("UniPC", None),
};

const LCM: Names = Names {
    here: "lcm",
    elsewhere: &["lcmscheduler"],
    web_ui: ("LCM", None),
};

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

    fn names(self) -> &'static Names {
        match self {
            Self::EulerAncestral => &EULER_ANCESTRAL,
            Self::Euler => &EULER,
            Self::Heun => &HEUN,
            Self::Lms => &LMS,
            Self::Ddim => &DDIM,
            Self::Ddpm => &DDPM,
            Self::Pndm => &PNDM,
            Self::Dpmpp2m => &DPMPP_2M,
            Self::Dpmpp2mKarras => &DPMPP_2M_KARRAS,
            Self::UniPc => &UNI_PC,
            Self::Lcm => &LCM,
        }
    }

    /// Its name in sweep files.
    pub fn name(self) -> &'static str {
        self.names().here
    }

    /// The sampler's name in the AUTOMATIC1111 web UI and, if part of the sampler here, its schedule type there.
    pub fn in_web_ui(self) -> (&'static str, Option<&'static str>) {
        self.names().web_ui
    }

    /// The scheduler meant by a name that is misspelt or another tool's.
    pub fn meant_by(name: &str) -> Option<Self> {
        let letters = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_lowercase()).collect()
        };
        let name = letters(name);
        let is_meant = |kind: &Self| {
            let Names {
                here, elsewhere, ..
            } = kind.names();
            letters(here) == name || elsewhere.contains(&name.as_str())
        };
        Self::ALL.into_iter().find(is_meant)
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
