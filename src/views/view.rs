//! What every view can do, and what it says of itself.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something that is made of run folders to be looked at.
pub trait View {
    /// Why it cannot be made.
    type Error;

    /// The view as it is, if it was made after all that it shows.
    fn find(&self) -> Option<ViewFiles>;

    /// Makes it; files of an earlier time that are no part of it any more go.
    ///
    /// # Errors
    /// If there is nothing to show, or a file cannot be written.
    fn write(&self) -> Result<ViewFiles, Self::Error>;
}

/// The files of a view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ViewFiles {
    /// What there is to look at, in the order in which it is told.
    pub files: Vec<File>,
    /// What the user should know of them: what is not shown, and why.
    pub notes: Vec<String>,
}

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it is, in a word: `sheet`, `report`.
    pub what: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Pixels, of a picture.
    pub size: Option<(u32, u32)>,
}

impl File {
    /// A file that is not a picture.
    pub fn of(what: &'static str, path: PathBuf) -> Self {
        Self {
            what,
            path,
            size: None,
        }
    }
}

impl fmt::Display for File {
    /// Where it is and how large: `results/demo/sheets/sheet.png (2432 x 1803)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.size {
            Some((width, height)) => write!(f, " ({width} x {height})"),
            None => Ok(()),
        }
    }
}

impl ViewFiles {
    /// This and another.
    pub fn and(mut self, other: Self) -> Self {
        self.files.extend(other.files);
        self.notes.extend(other.notes);
        self
    }

    /// Where the first file that is this lies.
    pub fn path(&self, what: &str) -> Option<&Path> {
        self.all(what).next().map(|file| file.path.as_path())
    }

    /// The files that are this.
    pub fn all<'a>(&'a self, what: &str) -> impl Iterator<Item = &'a File> {
        let files = self.files.iter();
        files.filter(move |file| file.what == what)
    }
}
