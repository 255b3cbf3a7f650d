//! Notes for the user on how an image is read.

use std::fmt;

/// What was done, or left undone, to make a file 8-bit RGB, if the user might not expect it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Only the first picture of an animation is read.
    FirstFrame,
    /// Only the first page of several is read.
    FirstPage,
    /// Samples with more than 8 bits lost their low bits.
    Reduced,
    /// Grey was expanded to RGB.
    GreyExpanded,
    /// Transparent pixels were composited on white.
    AlphaOnWhite,
    /// CMYK was converted to RGB without its profile.
    Inks,
    /// Colours other than sRGB are treated as sRGB, as diffusers does.
    Profile {
        /// The profile's own name.
        name: String,
    },
    /// Colours were converted to sRGB.
    Converted {
        /// The profile's own name.
        name: String,
    },
    /// An invalid colour profile was ignored.
    UnreadableProfile,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstFrame => "the image is animated: only its first frame is used",
            Self::FirstPage => "the file has several pages: only the first is used",
            Self::Reduced => "the image has more than 8 bits a sample: reduced to 8",
            Self::GreyExpanded => "the image is grey: expanded to RGB",
            Self::AlphaOnWhite => "the image is partly transparent: composited on white",
            Self::Inks => "the image is CMYK: converted to RGB without its colour profile",
            Self::UnreadableProfile => "the image has a colour profile that cannot be read: ignored",
            Self::Converted { name } => {
                return write!(
                    f,
                    "the image has the colour profile {name}: converted to sRGB"
                );
            }
            Self::Profile { name } => {
                return write!(
                    f,
                    "the image has the colour profile {name}, which is ignored: its colours are treated as sRGB (colour = \"srgb\" under [size] converts them)"
                );
            }
        })
    }
}
