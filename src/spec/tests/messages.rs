//! What people bring from other tools and other languages, and what they are told.

use miette::Diagnostic;

use super::{Folder, parse, refusal, with};

/// The last line of what is told: the remedy.
#[track_caller]
fn hint(lines: &str) -> String {
    remedy(&with(lines))
}

#[track_caller]
fn remedy(text: &str) -> String {
    let told = refusal(text);
    told.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn keys_of_other_tools_are_told_what_they_are_called_here() {
    for (typed, key) in [
        ("cfg_scale = 7", "guidance_scale"),
        ("\"CFG Scale\" = 7", "guidance_scale"),
        ("image_cfg_scale = 1.5", "image_guidance_scale"),
        ("steps = 20", "num_inference_steps"),
        ("sampler = \"euler\"", "scheduler"),
        ("sampler_name = \"euler\"", "scheduler"),
        ("init_image = \"a.png\"", "image"),
    ] {
        assert_eq!(hint(typed), format!("it is called {key} here"), "{typed}");
    }
    assert_eq!(
        remedy(&format!("steps = 20\n{}", with(""))),
        "it is called num_inference_steps here and stands under [sweep]"
    );
    assert_eq!(
        hint("checkpoint = \"x\""),
        "it is called model here and stands at the top of the file"
    );
}

#[test]
fn a_prompt_is_an_instruction_but_not_beside_one() {
    let folder = Folder::new();
    let [called, aliased] = ["instruction", "prompt"].map(|key| {
        let text = with("").replace("instruction", key);
        folder.parse(&text).unwrap().values
    });
    assert_eq!(called, aliased);
    assert_eq!(
        refusal(&with("prompt = \"make it night\"")),
        "\"prompt\" is instruction under another name, and instruction is set, too\n5:1\nremove one of the two"
    );
}

#[test]
fn schedulers_of_other_tools_are_told_their_names_here() {
    for (typed, name) in [
        ("Euler a", "euler_ancestral"),
        ("k_euler_a", "euler_ancestral"),
        ("plms", "pndm"),
        ("DPM++ 2M Karras", "dpmpp_2m_karras"),
        ("DPM++ 2M", "dpmpp_2m"),
        ("DDIM", "ddim"),
        ("UniPC", "unipc"),
        ("LMSDiscreteScheduler", "lms"),
    ] {
        let told = hint(&format!("scheduler = \"{typed}\""));
        assert_eq!(told, format!("it is called {name} here"), "{typed}");
    }
}

#[test]
fn what_is_nearly_toml_is_told_how_it_is_written() {
    for (line, told) in [
        (
            "guidance_scale = .5",
            "digits stand on both sides of the point: 0.5",
        ),
        (
            "guidance_scale = [1, .5]",
            "digits stand on both sides of the point: 0.5",
        ),
        (
            "guidance_scale = 5.",
            "digits stand on both sides of the point: 5.0",
        ),
        (
            "guidance_scale = 7,5",
            "decimals have a point, 7.5; a list stands in brackets, [7, 5]",
        ),
        ("seed = 1, 2, 3", "a list stands in brackets: [1, 2, 3]"),
        (
            "guidance_scale = 1-10(+2)",
            "write the range as guidance_scale = { from = 1, to = 10, step = 2 }",
        ),
        (
            "guidance_scale = \"1-10(+2)\"",
            "write the range as guidance_scale = { from = 1, to = 10, step = 2 }",
        ),
        (
            "seed = 1..4",
            "write the range as seed = { from = 1, to = 4, step = 1 }",
        ),
        (
            "guidance_scale = \"7,5\"",
            "write it without quotes: guidance_scale = 7.5",
        ),
        (
            "negative_prompt = “blurry”",
            "curly quotes are no quotes to TOML: write \"text\" or 'text'",
        ),
        (
            "negative_prompt = blurry",
            "text stands in quotes: negative_prompt = \"blurry\"",
        ),
        (
            "scheduler = None",
            "to leave scheduler at its default, leave the line out",
        ),
        ("seed: 3", "write seed = 3"),
        ("// seed = 3", "comments begin with #"),
        ("seed =", "a value stands behind the =, e.g. seed = 1"),
        (
            "seed = 1\nseed = 2",
            "each key once; several values are a list in brackets, e.g. seed = [1, 2]",
        ),
        (
            "seed = -1",
            "no seed is drawn at random here: give one from 0 on, or several, e.g. { from = 0, count = 4 }",
        ),
    ] {
        assert_eq!(hint(line), told, "{line}");
    }
    assert_eq!(
        remedy("{\"model\": \"model\"}"),
        "this looks like JSON; a sweep file is TOML, with lines of key = value"
    );
}

#[test]
fn paths_of_other_worlds_are_told_what_is_done_about_them() {
    let image = |path: &str| remedy(&with("").replace("\"a.png\"", path));
    let backslash = "in \"double quotes\" a backslash begins an escape: write / or 'single quotes'";
    assert_eq!(image("\"photos\\d.jpg\""), backslash);
    assert_eq!(image("\"C:\\Users\\me\\a.png\""), backslash);
    assert!(image("\"photos\\b.jpg\"").contains("write / or 'single quotes'"));
    assert_eq!(
        image("\"~/a.png\""),
        "`~` is not your home folder here: write the path out"
    );
    assert_eq!(
        image("\"https://example.org/a.png\""),
        "nothing is fetched from the network: download it, and give its path"
    );
    let model = |name: &str| remedy(&with("").replace("\"model\"", name));
    let export = "to use a model of a hub, export it: ip2p export timbrooks/instruct-pix2pix";
    for name in [
        "\"timbrooks/instruct-pix2pix\"",
        "\"https://huggingface.co/timbrooks/instruct-pix2pix\"",
    ] {
        assert_eq!(model(name), export);
    }
    // Where exports are written, and what is beside a folder that is there, are no names of a hub.
    let folder = Folder::new();
    std::fs::create_dir(folder.path("mine")).unwrap();
    for name in ["onnx/instruct-pix2pix", "mine/instruct-pix2pix"] {
        let told = folder
            .parse(&with("").replace("\"model\"", &format!("\"{name}\"")))
            .unwrap_err();
        let told = told.help().unwrap().to_string();
        let makes = format!(
            "--out {}` makes one there",
            folder.path(name).to_str().unwrap()
        );
        assert!(told.contains(&makes), "{told}");
    }
}

#[test]
fn a_range_whose_steps_miss_its_end_is_noted() {
    let spec = parse(&with(
        "guidance_scale = { from = 1, to = 10, step = 4 }\nseed = { from = 0, to = 10, step = 5 }",
    ));
    assert_eq!(
        spec.notes,
        ["guidance_scale ends at 9.0: its steps do not meet 10.0"]
    );
}

#[test]
fn every_item_of_a_list_that_is_wrong_is_told() {
    let text = with("seed = [1, -2, 1, -3]\nscheduler = [\"euler\", \"eular\", \"best\"]")
        .replace("\"a.png\"", "[\"b.png\", \"a.png\", \"c.png\"]");
    let error = Folder::new().parse(&text).unwrap_err();
    let places: Vec<_> = std::iter::once(&error)
        .chain(error.others())
        .map(|error| {
            assert!(error.help().is_some());
            error.location().map(|(_, line, column)| (line, column))
        })
        .collect();
    let at = |line, column| Some((line, column));
    assert_eq!(
        places,
        [
            at(3, 10),
            at(3, 28),
            at(5, 12),
            at(5, 16),
            at(5, 19),
            at(6, 23),
            at(6, 32)
        ]
    );
}
