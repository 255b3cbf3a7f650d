//! The interface of every view, and the files that it reports.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something that is made from run folders to be looked at.
pub trait View {
    /// Why it cannot be made.
    type Error;

    /// The view's files, if they exist and are newer than everything they show.
    fn find(&self) -> Option<ViewFiles>;

    /// Makes the view; files of an earlier version that are no longer part of it are removed.
    ///
    /// # Errors
    /// If there is nothing to show, or a file cannot be written.
    fn write(&self) -> Result<ViewFiles, Self::Error>;
}

/// The files of a view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ViewFiles {
    /// The files to look at, in the order in which they are reported.
    pub files: Vec<File>,
    /// Notes for the user: what is not shown, and why.
    pub notes: Vec<String>,
}

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What kind of file it is, in a word: `sheet`, `report`.
    pub what: &'static str,
    /// Its path.
    pub path: PathBuf,
    /// Width and height of a picture in pixels.
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
    /// Displays path and size: `results/demo/sheets/sheet.png (2432 x 1803)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.size {
            Some((width, height)) => write!(f, " ({width} x {height})"),
            None => Ok(()),
        }
    }
}

impl ViewFiles {
    /// Adds another view's files and notes.
    pub fn and(mut self, other: Self) -> Self {
        self.files.extend(other.files);
        self.notes.extend(other.notes);
        self
    }

    /// The path of the first file of this kind.
    pub fn path(&self, what: &str) -> Option<&Path> {
        self.all(what).next().map(|file| file.path.as_path())
    }

    /// All files of this kind.
    pub fn all<'a>(&'a self, what: &str) -> impl Iterator<Item = &'a File> {
        let files = self.files.iter();
        files.filter(move |file| file.what == what)
    }
}
