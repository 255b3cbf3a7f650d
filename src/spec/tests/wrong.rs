//! Mistakes in keys, values, ranges and paths, each with its exact message, place and hint.

use std::fs;

use super::{Folder, refusal, refuses, told, with};
use crate::vocabulary::Parameter;

#[test]
fn missing_keys_are_named_with_a_line_to_add() {
    let error = Folder::new().parse("").unwrap_err();
    let all: Vec<String> = std::iter::once(&error)
        .chain(error.others())
        .map(told)
        .collect();
    assert_eq!(
        all,
        [
            "model is missing\nadd the model's folder at the top of the file: model = \"../onnx/demo\"",
            "instruction is missing\nadd it under [sweep]: instruction = \"make it winter\"",
        ]
    );
    assert_eq!(
        refusal("model = 'model'\n[sweep]\nimage = 'a.png'"),
        "instruction is missing\n2:1\nadd it under [sweep]: instruction = \"make it winter\""
    );
}

#[test]
fn what_is_not_toml_is_refused_at_its_place() {
    let told = refusal(&with("seed ="));
    assert!(told.starts_with("not valid TOML: "), "{told}");
    assert!(told.contains("\n5:7\n"), "{told}");
    let told = refusal(&with("seed = 1\nseed = 2"));
    assert_eq!(
        told,
        "not valid TOML: duplicate key\n6:1\n\
         each key once; several values are a list in brackets, e.g. seed = [1, 2]"
    );
}

#[test]
fn unknown_keys_suggest_the_nearest_or_the_right_place() {
    refuses(
        "guidence_scale = 7",
        "unknown key \"guidence_scale\" in [sweep]\n5:1\ndid you mean guidance_scale?",
    );
    refuses(
        "model = \"model\"",
        "unknown key \"model\" in [sweep]\n5:1\nmodel stands at the top of the file, above all [tables]",
    );
    refuses(
        "threads = 2",
        "unknown key \"threads\" in [sweep]\n5:1\nthreads belongs under [runtime]",
    );
    refuses(
        "[numerics]\nprecision = 2",
        "unknown key \"precision\" in [numerics]\n6:1\nknown keys: noise, guidance, vae_tile",
    );
    refuses(
        "[[exclude]]\nseeds = 0",
        "unknown key \"seeds\" in [[exclude]]\n6:1\ndid you mean seed?",
    );
    assert_eq!(
        refusal(&format!("seed = 1\n{}", with(""))),
        "unknown key \"seed\" at the top of the file\n1:1\nseed belongs under [sweep]"
    );
    refuses(
        "seed = { from = 1, cuont = 2 }",
        "unknown key \"cuont\" in the range of seed\n5:20\ndid you mean count?",
    );
}

#[test]
fn tables_written_in_another_way_are_refused() {
    refuses(
        "[preset]\nname = 'p'",
        "preset must be a list of tables, not a table\n5:1\nbegin it with the line [[preset]]",
    );
    refuses(
        "[[size]]\nresolution = 512",
        "size must be a table, not a list\n5:1\nbegin it with the line [size]",
    );
}

#[test]
fn empty_lists_have_no_values() {
    refuses(
        "guidance_scale = []",
        "guidance_scale has no values\n5:18\ngive at least one number, e.g. guidance_scale = [7.0]",
    );
    refuses(
        "scheduler = []",
        "scheduler has no values\n5:13\ngive at least one text, e.g. scheduler = [\"euler_ancestral\"]",
    );
    assert_eq!(
        refusal(&with("").replace("\"a.png\"", "[]")),
        "image has no values\n3:9\ngive at least one path, e.g. image = \"photo.jpg\""
    );
}

#[test]
fn duplicates_are_refused_however_they_are_written() {
    refuses(
        "guidance_scale = [7, 1.5, 7.0]",
        "guidance_scale has the value 7.0 twice\n5:27\nremove one of the two",
    );
    refuses(
        "seed = [16, 0x10]",
        "seed has the value 16 twice\n5:13\nremove one of the two",
    );
    refuses(
        "negative_prompt = ['a', 'a']",
        "negative_prompt has the value \"a\" twice\n5:25\nremove one of the two",
    );
    refuses(
        "scheduler = ['ddim', 'ddim']",
        "scheduler has the value ddim twice\n5:22\nremove one of the two",
    );
    assert_eq!(
        refusal(&with("").replace("\"a.png\"", "['photos/f*.jpg', 'photos/./f2.jpg']")),
        "image has the value \"photos/f2.jpg\" twice\n3:27\nremove one of the two"
    );
    assert_eq!(
        refusal(&with("").replace("\"model\"", "['model', './model/']")),
        "model has the value \"model\" twice\n1:19\nremove one of the two"
    );
}

#[test]
fn mixed_lists_are_refused_at_the_item() {
    refuses(
        "guidance_scale = [7.0, \"8\"]",
        "guidance_scale must be a number, not text\n5:24\nwrite it without quotes: guidance_scale = 8",
    );
    refuses(
        "guidance_scale = [7.0, { from = 1, to = 2, count = 2 }]",
        "guidance_scale must be a number, not a table\n5:24\ne.g. guidance_scale = [7.0]",
    );
    assert_eq!(
        refusal(&with("").replace("\"make it winter\"", "['x', 1]")),
        "instruction must be text in quotes, not a whole number\n4:21\n\
         e.g. instruction = [\"make it winter\"]"
    );
}

#[test]
fn numbers_out_of_range_are_refused() {
    refuses(
        "guidance_scale = -1",
        "guidance_scale is -1.0, which is outside 0.0 to 100.0\n5:18\ngive a number from 0.0 to 100.0",
    );
    refuses(
        "image_guidance_scale = [1.5, 100.1]",
        "image_guidance_scale is 100.1, which is outside 0.0 to 100.0\n5:30\n\
         give a number from 0.0 to 100.0",
    );
    refuses(
        "guidance_end = [0.5, 1.5]",
        "guidance_end is 1.5, which is outside 0.0 to 1.0\n5:22\ngive a number from 0.0 to 1.0",
    );
    refuses(
        "num_inference_steps = 0",
        "num_inference_steps is 0, which is outside 1 to 1000\n5:23\ngive a number from 1 to 1000",
    );
    refuses(
        "num_inference_steps = { from = 10, to = 1010, step = 100 }",
        "num_inference_steps is 1010, which is outside 1 to 1000\n5:41\ngive a number from 1 to 1000",
    );
    refuses(
        "seed = -1",
        "seed is -1, which is outside 0 to 18446744073709551615\n5:8\n\
         no seed is drawn at random here: give one from 0 on, or several, e.g. { from = 0, count = 4 }",
    );
    refuses(
        "num_inference_steps = 20.0",
        "num_inference_steps is 20.0, which is not a whole number\n5:23\n\
         write it without a decimal point",
    );
    refuses(
        "guidance_scale = 7.1234567",
        "guidance_scale is 7.1234567, which has more than 6 decimals\n5:18\nround it to 6 decimals",
    );
}

#[test]
fn ranges_that_make_no_sense_are_refused() {
    let scale_forms =
        "write { from = 3.0, to = 9.0, step = 1.5 } or { from = 3.0, to = 9.0, count = 5 }";
    let scale = |range: &str, fault: &str, hint: &str| {
        refuses(
            &format!("guidance_scale = {range}"),
            &format!("the range of guidance_scale {fault}\n5:18\n{hint}"),
        );
    };
    scale("{}", "has no from", scale_forms);
    scale("{ from = 1 }", "has no to", scale_forms);
    scale("{ from = 1, count = 3 }", "has no to", scale_forms);
    scale(
        "{ from = 1, to = 3 }",
        "has neither step nor count",
        scale_forms,
    );
    scale(
        "{ from = 1, to = 3, step = 1, count = 3 }",
        "has both step and count",
        scale_forms,
    );
    scale(
        "{ from = 3, to = 1, step = 1 }",
        "ends below its start",
        "from is the smaller end, to the larger",
    );
    scale(
        "{ from = 1, to = 3, count = 1 }",
        "has one value for the two ends 1.0 and 3.0",
        "take a count of 2 or more, or write the value alone",
    );
    scale(
        "{ from = 1, to = 1.000001, count = 3 }",
        "has no 3 evenly spaced values from 1.0 to 1.000001",
        "take another count, or from, to and step",
    );
    refuses(
        "guidance_scale = { from = 1, to = 3, step = 0 }",
        "the range of guidance_scale has the step 0.0\n5:45\nthe step is larger than 0",
    );
    refuses(
        "guidance_scale = { from = 1, to = 3, step = -0.5 }",
        "the range of guidance_scale has the step -0.5\n5:45\nthe step is larger than 0",
    );
    refuses(
        "seed = { from = 1, count = 0 }",
        "the range of seed has the count 0\n5:28\nthe count is 1 or more",
    );
    refuses(
        "seed = { from = 0, to = 10, count = 4 }",
        "the range of seed has no 4 evenly spaced values from 0 to 10\n5:8\n\
         take another count, or from, to and step",
    );
    refuses(
        "seed = { from = 1 }",
        "the range of seed has no to\n5:8\nwrite { from = 10, to = 50, step = 10 }, \
         { from = 10, to = 50, count = 5 } or { from = 10, count = 5 }",
    );
}

#[test]
fn texts_are_one_line_and_not_endless() {
    refuses(
        "negative_prompt = \"a\\tb\"",
        "negative_prompt holds the control character \\t\n5:19\n\
         write the text on one line, with spaces instead of tabs",
    );
    refuses(
        "negative_prompt = ['x', \"\"\"a\nb\"\"\"]",
        "negative_prompt holds the control character \\n\n5:25\n\
         write the text on one line, with spaces instead of tabs",
    );
    refuses(
        &format!("negative_prompt = '{}'", "x".repeat(10_001)),
        "negative_prompt is 10001 bytes long, more than 10000\n5:19\n\
         shorten it; a model reads only the first 77 tokens or so",
    );
}

#[test]
fn unknown_schedulers_suggest_the_nearest() {
    refuses(
        "scheduler = 'eular'",
        "scheduler: unknown scheduler \"eular\"\n5:13\ndid you mean euler?",
    );
    refuses(
        "scheduler = ['ddim', 'best']",
        "scheduler: unknown scheduler \"best\"\n5:22\nchoose from: euler_ancestral, euler, heun, lms, \
         ddim, ddpm, pndm, dpmpp_2m, dpmpp_2m_karras, unipc, lcm",
    );
}

#[test]
fn paths_that_lead_nowhere_are_named_with_the_folder_searched() {
    let image = |value: &str| refusal(&with("").replace("\"a.png\"", value));
    assert_eq!(
        image("'photos/*.gif'"),
        "image: no file matches \"photos/*.gif\" in DIR\n3:9\n\
         paths are relative to the sweep file; `*` does not reach into subfolders, `**/` does"
    );
    assert_eq!(
        image("'photos/folder*'"),
        "image: no file matches \"photos/folder*\" in DIR\n3:9\n\
         paths are relative to the sweep file; `*` does not reach into subfolders, `**/` does"
    );
    assert_eq!(
        image("'photos/f3.jpg'"),
        "image \"photos/f3.jpg\" does not exist in DIR\n3:9\n\
         paths are relative to the sweep file; did you mean \"f2.jpg\"?"
    );
    assert_eq!(
        image("['a.png', 'nowhere/x']"),
        "image \"nowhere/x\" does not exist in DIR\n3:19\n\
         paths are relative to the sweep file; check the spelling"
    );
    assert_eq!(
        image("'photos'"),
        "image \"photos\" is not a file\n3:9\n\
         give an image file, or a pattern such as \"photos/*.jpg\" for a folder of them"
    );
    assert_eq!(
        image("''"),
        "image \"\" is not a file\n3:9\n\
         give an image file, or a pattern such as \"photos/*.jpg\" for a folder of them"
    );
    let told = image("'photos/[a.jpg'");
    assert!(
        told.starts_with("image: \"photos/[a.jpg\" is not a valid pattern: "),
        "{told}"
    );
    let told = image("'a.png/x.png'");
    assert!(
        told.starts_with("image: cannot read \"a.png/x.png\": Not a directory"),
        "{told}"
    );
}

#[test]
fn the_font_of_sheets_must_exist() {
    assert_eq!(
        refusal(&with("[sheet]\nfont = 'f.ttf'")),
        "sheet.font \"f.ttf\" does not exist in DIR\n6:8\n\
         paths are relative to the sweep file; check the spelling"
    );
}

#[test]
fn model_folders_must_exist() {
    let model = |value: &str| refusal(&with("").replace("\"model\"", value));
    assert_eq!(
        model("'modle'"),
        "model \"modle\" does not exist in DIR\n1:9\n\
         paths are relative to the sweep file; did you mean \"model\"?"
    );
    assert_eq!(
        model("['model', 'somewhere else']"),
        "model \"somewhere else\" does not exist in DIR\n1:19\npaths are relative to the sweep file; \
         `ip2p export timbrooks/instruct-pix2pix --out \"DIR/somewhere else\"` makes one there; \
         model = \"demo\" is the bundled one, which knows drawings"
    );
    assert_eq!(
        model("'a.png'"),
        "model \"a.png\" is not a folder\n1:9\n\
         give the folder that holds model_index.json, unet/, vae_decoder/ and so on"
    );
}

#[test]
fn all_images_that_are_missing_are_told() {
    let folder = Folder::new();
    let images = "['nowhere.png', 'a.png', 'photos/*.gif', 'gone.png']";
    let error = folder
        .parse(&with("").replace("\"a.png\"", images))
        .unwrap_err();
    let others: Vec<String> = error.others().iter().map(ToString::to_string).collect();
    assert!(error.to_string().contains("\"nowhere.png\" does not exist"));
    assert_eq!(others.len(), 2, "{others:?}");
    assert!(others[0].contains("\"photos/*.gif\""), "{others:?}");
    assert!(
        others[1].contains("\"gone.png\" does not exist"),
        "{others:?}"
    );
}

#[cfg(unix)]
#[test]
fn file_names_that_are_no_text_are_passed_over_or_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    fs::write(folder.path("photos/a\nb.jpg"), b"").unwrap();
    let mut reasons = "a\\nb.jpg has a name with control characters".to_owned();
    let name = std::ffi::OsStr::from_bytes(b"photos/\xff.jpg");
    if fs::write(folder.0.path().join(name), b"").is_ok() {
        reasons.push_str("; \u{fffd}.jpg has a name that is not UTF-8");
    }
    let parsed = folder
        .parse(&with("").replace("a.png", "photos/*.jpg"))
        .unwrap();
    assert_eq!(parsed.files[Parameter::Image].len(), 2);
    let expected = format!("image \"photos/*.jpg\": passed over: {reasons}");
    assert_eq!(parsed.notes, [expected]);
    let named = folder.parse(&with("").replace("a.png", "photos/a\\nb.jpg"));
    assert_eq!(
        told(&named.unwrap_err()),
        "image: the file name \"photos/a\\nb.jpg\" is not plain text\n3:9\n\
         in \"double quotes\" a backslash begins an escape: write / or 'single quotes'"
    );
}
