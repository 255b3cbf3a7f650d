//! Patterns of image files: `*`, `?`, `[abc]`, `{jpg,png}` and `**/`, ignoring case.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::{DirEntry, WalkDir};

/// A compiled pattern.
pub(super) struct Pattern(GlobMatcher);

/// The image files that match a pattern, and the matches that are not images.
#[derive(Default)]
pub(super) struct Matches {
    pub files: Vec<PathBuf>,
    /// The other matches, each with the reason, for a note.
    pub passed_over: Vec<String>,
}

/// Whether a path is a pattern rather than a file.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(text)
            .case_insensitive(true)
            .literal_separator(true)
            .backslash_escape(false)
            .build();
        match glob {
            Ok(glob) => Ok(Self(glob.compile_matcher())),
            Err(error) => Err(error.kind().to_string()),
        }
    }

    /// Whether a path matches.
    pub fn matches(&self, path: impl AsRef<Path>) -> bool {
        self.0.is_match(path)
    }
}

/// The files below the folder `from` that a pattern matches, in no particular order and no more than `most`. Hidden
/// files match only if the pattern names something hidden. Links are followed, except in circles.
///
/// # Errors
/// If the pattern is not valid.
pub(super) fn files(from: &Path, pattern: &str, most: usize) -> Result<Matches, String> {
    let (folder, rest) = split(from, pattern);
    let matcher = Pattern::new(&rest.to_string_lossy())?;
    let depth = match rest.components().any(|part| part.as_os_str() == "**") {
        true => usize::MAX,
        false => rest.components().count(),
    };
    let wants_hidden = has_hidden(&rest);
    let walked = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => &folder,
    };
    let walk = WalkDir::new(walked)
        .min_depth(1)
        .max_depth(depth)
        .follow_links(true);
    let seen = |entry: &DirEntry| wants_hidden || entry.depth() == 0 || !is_hidden(entry);
    let mut matches = Matches::default();
    for entry in walk.into_iter().filter_entry(seen) {
        let path = match &entry {
            Ok(entry) => Some(entry.path()),
            // A circle of links contains nothing that is not found elsewhere.
            Err(error) if error.loop_ancestor().is_some() => None,
            Err(error) => error.path(),
        };
        let Some(path) = path.and_then(|path| path.strip_prefix(walked).ok()) else {
            continue;
        };
        if matches.files.len() >= most {
            break;
        }
        if matcher.matches(path) {
            matches.sort_in(folder.join(path), entry);
        }
    }
    matches.passed_over.sort();
    Ok(matches)
}

impl Matches {
    fn sort_in(&mut self, path: PathBuf, entry: Result<DirEntry, walkdir::Error>) {
        let reason = match entry {
            Ok(entry) if !entry.file_type().is_file() => return,
            Ok(_) if path.to_str().is_none() => "has a name that is not UTF-8".to_owned(),
            Ok(_) if path.to_string_lossy().chars().any(char::is_control) => {
                "has a name with control characters".to_owned()
            }
            Ok(_) if !may_be_image(&path) => "is not an image".to_owned(),
            Ok(_) => {
                self.files.push(path);
                return;
            }
            Err(error) if path.is_symlink() => match error.io_error() {
                Some(reason) if reason.kind() == std::io::ErrorKind::NotFound => {
                    "is a link to nothing".to_owned()
                }
                _ => format!("is a link that cannot be followed: {error}"),
            },
            Err(error) => match error.io_error() {
                Some(reason) => format!("cannot be read: {reason}"),
                None => format!("cannot be read: {error}"),
            },
        };
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy();
        self.passed_over
            .push(format!("{} {reason}", name.escape_debug()));
    }
}

/// The folder to search, and the rest of the pattern. Folders that exist exactly as written are taken literally, even
/// with brackets in their names.
fn split(from: &Path, pattern: &str) -> (PathBuf, PathBuf) {
    let (mut folder, mut rest) = (from.to_owned(), PathBuf::new());
    let mut parts = Path::new(pattern).components().peekable();
    while let Some(part) = parts.next() {
        let literal = match part {
            Component::CurDir => continue,
            Component::Normal(name) => {
                !is_pattern(&name.to_string_lossy()) || folder.join(name).is_dir()
            }
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => true,
        };
        if rest.as_os_str().is_empty() && literal && parts.peek().is_some() {
            folder.push(part);
        } else {
            rest.push(part);
        }
    }
    (folder, rest)
}

/// Whether the path contains a hidden file or folder.
fn has_hidden(path: &Path) -> bool {
    path.components().any(
        |part| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b".")),
    )
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether a file is an image by its name or its first bytes. One that only its name says is an image is probably
/// damaged, which should be reported rather than passed over.
fn may_be_image(path: &Path) -> bool {
    let by_name = image::ImageFormat::from_path(path).is_ok();
    by_name || {
        let mut start = Vec::new();
        let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
        read.is_ok() && image::guess_format(&start).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn place(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"words").unwrap();
        }
        folder
    }

    /// The names that match, and the notes on what is passed over.
    fn found(folder: &tempfile::TempDir, pattern: &str) -> (Vec<String>, Vec<String>) {
        let matches = files(folder.path(), pattern, 100).unwrap();
        let name = |path: &PathBuf| {
            let path = path.strip_prefix(folder.path()).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let mut names: Vec<String> = matches.files.iter().map(name).collect();
        names.sort();
        (names, matches.passed_over)
    }

    #[test]
    fn letters_match_in_either_case_and_braces_are_alternatives() {
        let folder = place(&["a.jpg", "B.JPG", "c.Png", "d.webp"]);
        assert_eq!(found(&folder, "*.jpg").0, ["B.JPG", "a.jpg"]);
        assert_eq!(found(&folder, "*.{jpg,png}").0, ["B.JPG", "a.jpg", "c.Png"]);
        assert_eq!(found(&folder, "[ab].*").0, ["B.JPG", "a.jpg"]);
    }

    #[test]
    fn what_is_no_image_is_passed_over_with_its_reason() {
        let folder = place(&[
            "Thumbs.db",
            "notes.txt",
            "a.png",
            "sub/b.png",
            ".hidden.png",
        ]);
        fs::write(folder.path().join("unnamed"), b"\x89PNG\r\n\x1a\n").unwrap();
        let (names, mut passed_over) = found(&folder, "*");
        passed_over.sort();
        assert_eq!(names, ["a.png", "unnamed"]);
        assert_eq!(
            passed_over,
            ["Thumbs.db is not an image", "notes.txt is not an image"]
        );
        assert_eq!(found(&folder, "**/*.png").0, ["a.png", "sub/b.png"]);
        assert_eq!(found(&folder, ".*.png").0, [".hidden.png"]);
    }

    #[test]
    fn brackets_in_the_name_of_a_folder_are_its_name() {
        let folder = place(&["2024 [best]/a.png", "2024 b/b.png", "{x}/c.png"]);
        assert_eq!(found(&folder, "2024 [best]/*.png").0, ["2024 [best]/a.png"]);
        assert_eq!(found(&folder, "2024 [abc]/*.png").0, ["2024 b/b.png"]);
        assert_eq!(found(&folder, "{x}/*").0, ["{x}/c.png"]);
        assert_eq!(found(&folder, "nowhere/*").0, Vec::<String>::new());
    }

    #[cfg(unix)]
    #[test]
    fn links_to_nothing_circles_and_names_beyond_utf8_stop_nothing() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        let folder = place(&["a.png", "sub/b.png", "other/words"]);
        let at = |name: &str| folder.path().join(name);
        symlink(at("gone"), at("link.png")).unwrap();
        symlink(at("a.png"), at("good.png")).unwrap();
        symlink(folder.path(), at("sub/circle")).unwrap();
        fs::write(
            folder.path().join(OsStr::from_bytes(b"caf\xe9.png")),
            b"words",
        )
        .unwrap();
        let (names, mut passed_over) = found(&folder, "**/*.png");
        passed_over.sort();
        assert_eq!(names, ["a.png", "good.png", "sub/b.png"]);
        assert_eq!(
            passed_over,
            [
                "caf\u{fffd}.png has a name that is not UTF-8",
                "link.png is a link to nothing"
            ]
        );
    }

    #[test]
    fn a_pattern_that_cannot_be_read_says_why() {
        assert!(files(Path::new("."), "a[", 1).is_err());
        assert!(files(Path::new("."), "{a", 1).is_err());
    }
}
