//! Masks in sweep files: files, and tables that say what a mask is made of.

use super::{Folder, with};
use crate::image::{MaskRecipe, MaskSource};
use crate::vocabulary::{Parameter, Scale};

#[test]
fn a_mask_is_a_file_or_a_table_and_is_named_as_it_would_be_written() {
    let spec = Folder::new()
        .parse(&with(
            "mask = [\"photos/*.jpg\", { file = \"a.png\" }, { invert = true, blur = 2.50, file = \"a.png\", grow = 8 }, \
             { alpha = true, grow = 1 }, { changed = \"edit\", grow = 3 }]",
        ))
        .unwrap();
    let names: Vec<&str> = spec.masks.iter().map(|mask| mask.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "photos/f2.jpg",
            "photos/f10.jpg",
            "a.png",
            "{ file = \"a.png\", invert = true, grow = 8, blur = 2.5 }",
            "{ alpha = true, grow = 1 }",
            "{ changed = \"edit\", above = 0.1, grow = 3 }",
        ]
    );
    let values: Vec<String> = (spec.values[Parameter::Mask].iter())
        .map(ToString::to_string)
        .collect();
    assert_eq!(values, names);
    assert_eq!(spec.masks[3].recipe.blur, Scale::tenths(25));
    assert!(spec.masks[4].path.is_none());
    let plain = MaskRecipe::plain(MaskSource::File("a.png".to_owned()));
    assert_eq!(spec.masks[2].recipe, plain);
    // Each name is valid TOML for its own mask.
    for name in &names[3..] {
        let again = Folder::new()
            .parse(&with(&format!("mask = {name}")))
            .unwrap();
        assert_eq!(again.masks[0].name, *name);
    }
}

#[test]
fn presets_and_exclusions_take_tables_of_masks() {
    let spec = Folder::new()
        .parse(&with(
            "seed = [1, 2]\n[[preset]]\nname = \"wide\"\nmask = { file = \"a.png\", grow = 8 }\n\
             [[preset]]\nname = \"tight\"\nmask = \"a.png\"\n\
             [[exclude]]\nseed = 1\nmask = { grow = 8, file = \"a.png\" }",
        ))
        .unwrap();
    assert_eq!(spec.masks.len(), 2);
    let excluded = spec.excludes[0].get(Parameter::Mask).unwrap();
    assert_eq!(excluded.to_string(), "{ file = \"a.png\", grow = 8 }");
}
