//! `[measures]` and `[[caption]]`: what they mean.

use super::super::SweepSpec;
use super::parse;

/// A sweep of three images and two instructions.
const SWEEP: &str = "model = \"model\"\n[sweep]\nimage = [\"a.png\", \"photos/f2.jpg\", \"photos/f10.jpg\"]\n\
                     instruction = [\"make it winter\", \"make it night\"]\n[measures]\nclip = \"clip\"\n";

/// The caption of an edit's output.
fn after(spec: &SweepSpec, instruction: &str, image: &str) -> Option<String> {
    let caption = spec.caption(instruction, image);
    caption.map(|caption| caption.after.clone())
}

#[test]
fn the_instruction_of_a_caption_may_be_called_a_prompt_as_elsewhere() {
    let caption = |key: &str| {
        format!("{SWEEP}[[caption]]\n{key} = \"make it winter\"\nbefore = \"a\"\nafter = \"b\"")
    };
    let [called, aliased] = ["instruction", "prompt"].map(|key| parse(&caption(key)).captions);
    assert_eq!(called, aliased);
}

#[test]
fn a_caption_of_an_image_goes_before_one_of_all_images() {
    let spec = parse(&format!(
        "{SWEEP}[[caption]]\ninstruction = \"make it winter\"\nbefore = \"a house\"\nafter = \"a house in winter\"\n\
         [[caption]]\ninstruction = \"make it winter\"\nimage = \"./photos/*.jpg\"\nbefore = \"a lake\"\n\
         after = \"a frozen lake\"",
    ));
    assert_eq!(spec.measures.clip.as_ref().unwrap().name, "clip");
    let winter = |image| after(&spec, "make it winter", image).unwrap();
    assert_eq!(winter("a.png"), "a house in winter");
    assert_eq!(winter("photos/f2.jpg"), "a frozen lake");
    assert_eq!(winter("photos/f10.jpg"), "a frozen lake");
    assert_eq!(after(&spec, "make it night", "a.png"), None);
}

#[test]
fn a_clip_folder_needs_no_captions() {
    assert!(parse(SWEEP).captions.is_empty());
}
