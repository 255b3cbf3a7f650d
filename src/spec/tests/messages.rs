//! Messages that depend on what lies beside the sweep file, and notes on valid files.

use miette::Diagnostic;

use super::{Folder, parse, with};

#[test]
fn a_prompt_is_an_instruction() {
    let folder = Folder::new();
    let [called, aliased] = ["instruction", "prompt"].map(|key| {
        let text = with("").replace("instruction", key);
        folder.parse(&text).unwrap().values
    });
    assert_eq!(called, aliased);
}

#[test]
fn a_path_beside_a_folder_or_where_exports_go_is_not_taken_for_a_name_on_the_hub() {
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
        ["guidance_scale ends at 9.0: its steps do not reach 10.0 exactly"]
    );
}
