//! `[measures]` and `[[caption]]`: what they mean, and each mistake with its exact message, place and hint.

use std::fs;

use super::super::SweepSpec;
use super::{Folder, told};

const SWEEP: &str = "model = \"model\"\n[sweep]\nimage = [\"a.png\", \"photos/f2.jpg\", \"photos/f10.jpg\"]\n\
                     instruction = [\"make it winter\", \"make it night\"]\n";
const CLIP: &str = "[measures]\nclip = \"clip\"\n";

/// A sweep of three images and two instructions with more lines, the first of them line 7; `clip` is a folder.
fn parse(lines: &str) -> Result<SweepSpec, String> {
    let folder = Folder::new();
    fs::create_dir(folder.path("clip")).unwrap();
    let parsed = folder.parse(&format!("{SWEEP}{CLIP}{lines}\n"));
    parsed.map_err(|error| told(&error).replace(&folder.shown(), "DIR"))
}

#[track_caller]
fn refuses(lines: &str, expected: &str) {
    assert_eq!(parse(lines).unwrap_err(), expected, "{lines}");
}

/// What the images of an edit show after it.
fn after(spec: &SweepSpec, instruction: &str, image: &str) -> Option<String> {
    let caption = spec.caption(instruction, image);
    caption.map(|caption| caption.after.clone())
}

#[test]
fn a_caption_of_an_image_goes_before_one_of_all_images() {
    let spec = parse(
        "[[caption]]\ninstruction = \"make it winter\"\nbefore = \"a house\"\nafter = \"a house in winter\"\n\
         [[caption]]\ninstruction = \"make it winter\"\nimage = \"./photos/*.jpg\"\nbefore = \"a lake\"\n\
         after = \"a frozen lake\"",
    )
    .unwrap();
    assert_eq!(spec.measures.clip.as_ref().unwrap().name, "clip");
    let winter = |image| after(&spec, "make it winter", image).unwrap();
    assert_eq!(winter("a.png"), "a house in winter");
    assert_eq!(winter("photos/f2.jpg"), "a frozen lake");
    assert_eq!(winter("photos/f10.jpg"), "a frozen lake");
    assert_eq!(after(&spec, "make it night", "a.png"), None);
}

#[test]
fn a_clip_folder_needs_no_captions_but_must_be_there() {
    assert!(parse("").unwrap().captions.is_empty());
    let folder = Folder::new();
    let refusal = |clip: &str| {
        let text = format!("{SWEEP}[measures]\nclip = \"{clip}\"\n");
        told(&folder.parse(&text).unwrap_err()).replace(&folder.shown(), "DIR")
    };
    assert_eq!(
        refusal("clop"),
        "measures.clip \"clop\" does not exist in DIR\n6:8\n\
         paths are relative to the sweep file; `ip2p export --clip openai/clip-vit-large-patch14 --out DIR/clop` \
         makes one there"
    );
    assert_eq!(
        refusal("a.png"),
        "measures.clip \"a.png\" is not a folder\n6:8\n\
         give the folder that holds text_encoder/, image_encoder/ and preprocessor_config.json"
    );
}

#[test]
fn captions_without_a_clip_folder_are_refused() {
    let text = format!(
        "{SWEEP}[[caption]]\ninstruction = \"make it winter\"\nbefore = \"a\"\nafter = \"b\"\n"
    );
    assert_eq!(
        told(&Folder::new().parse(&text).unwrap_err()),
        "measures.clip is missing\n5:1\n\
         captions need it: add clip = \"../onnx/clip\" under [measures], or take the captions out"
    );
}

#[test]
fn captions_of_no_edit_of_the_sweep_are_refused_with_the_nearest() {
    refuses(
        "[[caption]]\ninstruction = \"make it wintr\"\nbefore = \"a\"\nafter = \"b\"",
        "instruction of caption 1 never matches: the sweep has no instruction \"make it wintr\"\n8:15\n\
         the nearest value is \"make it winter\"",
    );
    refuses(
        "[[caption]]\ninstruction = \"make it winter\"\nimage = \"b.png\"\nbefore = \"a\"\nafter = \"b\"",
        "image of caption 1 never matches: the sweep has no image \"b.png\"\n9:9\n\
         the nearest value is \"a.png\"",
    );
    refuses(
        "[[caption]]\ninstruction = \"make it winter\"\nimage = \"photos/*.png\"\nbefore = \"a\"\nafter = \"b\"",
        "image of caption 1 never matches: the sweep has no image \"photos/*.png\"\n9:9\n\
         the nearest value is \"a.png\"",
    );
    refuses(
        "[[caption]]\ninstruction = \"make it winter\"\nimage = \"photos/[\"\nbefore = \"a\"\nafter = \"b\"",
        "image of caption 1: \"photos/[\" is not a valid pattern: unclosed character class; missing ']'\n9:9\n\
         in patterns `*`, `?`, `[abc]`, `{jpg,png}` and `**/` are special; write `[[]` for a bracket",
    );
}

#[test]
fn captions_that_say_too_little_or_too_much_are_refused() {
    let hint = "a caption needs instruction, before and after, e.g. before = \"a house\" and \
                after = \"a house in winter\"";
    refuses(
        "[[caption]]\ninstruction = \"make it winter\"\nafter = \"b\"",
        &format!("before of caption 1 is missing\n7:1\n{hint}"),
    );
    refuses(
        "[[caption]]\nbefore = \"a\"\nafter = \"b\"",
        &format!("instruction of caption 1 is missing\n7:1\n{hint}"),
    );
    refuses(
        "[[caption]]\ninstruction = \"make it winter\"\nbefore = \"a\"\nafter = [\"b\", \"c\"]",
        "after of caption 1 must be one value, not a list\n10:9\nwrite one [[caption]] for each value",
    );
    refuses(
        "[[caption]]\ninstruction = \"make it winter\"\nbefore = \"a\"\nafter = \"a\"",
        "before and after of caption 1 are the same\n10:9\n\
         say what the edited image should show, e.g. before = \"a house\" and after = \"a house in winter\"",
    );
    let one = |image: &str| {
        format!(
            "[[caption]]\ninstruction = \"make it winter\"\n{image}before = \"a\"\nafter = \"b\"\n"
        )
    };
    refuses(
        &(one("") + &one("")),
        "caption 2 is the second one for \"make it winter\"\n11:1\n\
         remove one of the two, or give each the images that it is for",
    );
    refuses(
        &(one("image = \"photos/*\"\n") + &one("image = \"photos/f2.jpg\"\n")),
        "caption 2 is the second one for \"make it winter\" and \"photos/f2.jpg\"\n12:1\n\
         remove one of the two, or give each the images that it is for",
    );
}
