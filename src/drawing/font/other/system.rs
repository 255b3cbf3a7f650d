//! The system's fonts; fonts in the current folder are excluded, whatever the environment says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ab_glyph::{Font, FontArc, FontRef, FontVec};
use fontdb::{Database, FaceInfo, Source, Style, Weight};

use super::LONGEST;
use crate::guard::guarded;
use crate::store::read_file;

/// The most fonts to use for one text.
const MOST_FONTS: usize = 8;

/// Fonts that together have these characters, those with the most first, with their files.
pub(super) fn fonts_for(mut wanted: BTreeSet<char>) -> Vec<(PathBuf, FontArc)> {
    let mut found = Vec::new();
    if wanted.is_empty() {
        return found;
    }
    // A damaged font of the system must not end a run: it is left out, or all are if not even their list can be made.
    let database = guarded(|| {
        let mut database = Database::new();
        database.load_system_fonts();
        database
    });
    let Some(database) = database else {
        return found;
    };
    while !wanted.is_empty() && found.len() < MOST_FONTS {
        let Some((path, index)) = best(&database, &wanted) else {
            break;
        };
        let Some(font) = read(&path, index) else {
            break;
        };
        let before = wanted.len();
        wanted.retain(|character| font.glyph_id(*character).0 == 0);
        if wanted.len() == before {
            break;
        }
        found.push((path, font));
    }
    found
}

/// The face that has the most of these characters; of several the plainest, then the first by path.
fn best(database: &Database, wanted: &BTreeSet<char>) -> Option<(PathBuf, u32)> {
    let ranked = database.faces().filter_map(|face| {
        let path = path_of(face)?;
        let count = database.with_face_data(face.id, |data, index| {
            guarded(|| covered(data, index, wanted)).unwrap_or(0)
        })?;
        (count > 0).then(|| ((count, plainness(face)), path, face.index))
    });
    let (_, path, index) =
        ranked.max_by(|a, b| a.0.cmp(&b.0).then_with(|| (&b.1, b.2).cmp(&(&a.1, a.2))))?;
    Some((path, index))
}

/// The path of a face, if it does not depend on where the program was started.
fn path_of(face: &FaceInfo) -> Option<PathBuf> {
    match &face.source {
        Source::File(path) | Source::SharedFile(path, _) => {
            Some(path.clone()).filter(|path| path.is_absolute())
        }
        Source::Binary(_) => None,
    }
}

fn covered(data: &[u8], index: u32, wanted: &BTreeSet<char>) -> usize {
    let Ok(face) = FontRef::try_from_slice_and_index(data, index) else {
        return 0;
    };
    let has = |character: &&char| face.glyph_id(**character).0 != 0;
    wanted.iter().filter(has).count()
}

/// How close a face is to a regular one for running text.
fn plainness(face: &FaceInfo) -> u8 {
    let is_sans = face.families.iter().any(|(name, _)| name.contains("Sans"));
    u8::from(face.style == Style::Normal) * 4
        + u8::from(face.weight == Weight::NORMAL) * 2
        + u8::from(is_sans && !face.monospaced)
}

fn read(path: &Path, index: u32) -> Option<FontArc> {
    let bytes = read_file(path, LONGEST).ok()?;
    let font = guarded(|| FontVec::try_from_vec_and_index(bytes, index))?.ok()?;
    font.units_per_em().is_some().then(|| font.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_folder(folder: PathBuf) -> Database {
        let mut database = Database::new();
        database.load_fonts_dir(folder);
        assert!(database.len() >= 2, "the embedded fonts");
        database
    }

    #[test]
    fn the_plainest_of_the_fonts_that_have_most_is_taken() {
        let database = of_folder(std::path::absolute("src/drawing/font").unwrap());
        let (path, index) = best(&database, &['a', 'ж', '\u{13000}'].into()).unwrap();
        assert!(
            path.ends_with("Inter-Regular.subset.otf"),
            "{}",
            path.display()
        );
        assert!(read(&path, index).unwrap().glyph_id('ж').0 != 0);
        assert_eq!(
            best(&database, &['\u{13000}'].into()),
            None,
            "it has no hieroglyphs"
        );
    }

    #[test]
    fn what_is_named_from_the_current_folder_is_no_font_of_the_system() {
        let database = of_folder("src/drawing/font".into());
        assert_eq!(best(&database, &['a'].into()), None);
    }

    #[test]
    fn characters_that_no_font_has_end_the_search() {
        // A private-use character of the last plane.
        assert_eq!(fonts_for(['\u{10fffd}'].into()).len(), 0);
        assert_eq!(fonts_for(BTreeSet::new()).len(), 0);
    }
}
