//! What a valid file means.

use std::fs;

use super::super::*;
use super::{Folder, parse, with};
use crate::diffusion::{GuidanceMode, NoiseSource};
use crate::image::{Fit, Size};
use crate::vocabulary::{ExecutionDevice, Parameter, Value};

fn scales(lines: &str) -> Vec<String> {
    parse(&with(lines)).swept(Parameter::GuidanceScale)
}

fn seeds(value: &str) -> Vec<u64> {
    let values = parse(&with(&format!("seed = {value}"))).swept(Parameter::Seed);
    values.iter().map(|seed| seed.parse().unwrap()).collect()
}

#[test]
fn three_keys_are_enough_and_the_rest_are_the_documented_defaults() {
    let spec = parse(&with(""));
    assert_eq!(spec.name, "winter");
    assert_eq!(spec.text, with(""));
    assert_eq!(spec.files[Parameter::Model][0].name, "model");
    assert_eq!(spec.files[Parameter::Image][0].name, "a.png");
    assert_eq!(spec.swept(Parameter::Instruction), ["make it winter"]);
    assert_eq!(spec.swept(Parameter::NegativePrompt), [""]);
    assert_eq!(spec.swept(Parameter::GuidanceScale), ["7.0"]);
    assert_eq!(spec.swept(Parameter::ImageGuidanceScale), ["1.5"]);
    assert_eq!(spec.swept(Parameter::Seed), ["0"]);
    assert_eq!(spec.swept(Parameter::NumInferenceSteps), ["20"]);
    assert_eq!(spec.count(Parameter::Scheduler), 0, "the model's own");
    assert_eq!(spec.size, Size::default());
    assert_eq!(spec.runtime, Runtime::default());
    assert_eq!(spec.numerics, Numerics::default());
    assert_eq!(spec.sheet, SheetSpec::default());
    assert!(spec.presets.is_empty() && spec.excludes.is_empty());
}

#[test]
fn a_range_by_step_is_exact_and_includes_its_end() {
    let values = scales("guidance_scale = { from = 1.0, to = 1.3, step = 0.1 }");
    assert_eq!(values, ["1.0", "1.1", "1.2", "1.3"]);
    let values = scales("guidance_scale = { from = 3.0, to = 9.0, step = 1.5 }");
    assert_eq!(values, ["3.0", "4.5", "6.0", "7.5", "9.0"]);
}

#[test]
fn a_range_whose_steps_miss_its_end_stops_below_it() {
    let values = scales("guidance_scale = { from = 1, to = 2.2, step = 0.5 }");
    assert_eq!(values, ["1.0", "1.5", "2.0"]);
    let values = scales("guidance_scale = { from = 1, to = 2, step = 5 }");
    assert_eq!(values, ["1.0"]);
}

#[test]
fn a_range_by_count_has_both_its_ends() {
    let values = scales("guidance_scale = { from = 3.0, to = 9.0, count = 5 }");
    assert_eq!(values, ["3.0", "4.5", "6.0", "7.5", "9.0"]);
    let values = scales("guidance_scale = { from = 0, to = 1, count = 4 }");
    assert_eq!(values, ["0.0", "0.333333", "0.666667", "1.0"]);
    let values = scales("guidance_scale = { from = 2, to = 2, count = 1 }");
    assert_eq!(values, ["2.0"]);
}

#[test]
fn whole_numbers_have_ranges_too() {
    assert_eq!(seeds("{ from = 42, count = 2 }"), [42, 43]);
    assert_eq!(seeds("{ from = 0, to = 10, step = 4 }"), [0, 4, 8]);
    assert_eq!(seeds("{ from = 0, to = 10, count = 3 }"), [0, 5, 10]);
    let spec = parse(&with(
        "num_inference_steps = { from = 10, to = 30, step = 10 }",
    ));
    assert_eq!(spec.swept(Parameter::NumInferenceSteps), ["10", "20", "30"]);
}

#[test]
fn seeds_reach_the_end_of_u64_as_numbers_and_as_text() {
    assert_eq!(seeds("18446744073709551615"), [u64::MAX]);
    assert_eq!(seeds("\"18446744073709551615\""), [u64::MAX]);
    assert_eq!(seeds("[0x10, 0b11, 1_000]"), [16, 3, 1000]);
    let last = "{ from = \"18446744073709551614\", count = 2 }";
    assert_eq!(seeds(last), [u64::MAX - 1, u64::MAX]);
}

#[test]
fn lists_keep_their_order_and_numbers_may_be_written_in_any_way() {
    let values = scales("guidance_scale = [9, 7.50, 1e1, 2.5e-1, 0x3, +4, -0.0]");
    assert_eq!(values, ["9.0", "7.5", "10.0", "0.25", "3.0", "4.0", "0.0"]);
}

#[test]
fn an_empty_instruction_is_legal() {
    let text = with("").replace("make it winter", "");
    assert_eq!(parse(&text).swept(Parameter::Instruction), [""]);
}

#[test]
fn patterns_match_files_in_natural_order_without_folders_and_hidden_files() {
    let text = with("").replace("a.png", "photos/*.jpg");
    let folder = Folder::new();
    let images = folder.parse(&text).unwrap().files[Parameter::Image].clone();
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, ["photos/f2.jpg", "photos/f10.jpg"]);
    assert_eq!(images[0].path, folder.path("photos/f2.jpg"));
}

#[test]
fn hidden_files_match_patterns_that_ask_for_them() {
    let spec = parse(&with("").replace("a.png", "**/.*.jpg"));
    assert_eq!(spec.files[Parameter::Image][0].name, "photos/.h.jpg");
    let spec = parse(&with("").replace("a.png", "**/*"));
    assert_eq!(spec.files[Parameter::Image].len(), 3);
}

#[test]
fn paths_that_exist_are_taken_literally_even_with_brackets() {
    let folder = Folder::new();
    fs::write(folder.path("a[1].png"), b"").unwrap();
    fs::write(folder.path("a1.png"), b"").unwrap();
    let spec = folder
        .parse(&with("").replace("a.png", "a[1].png"))
        .unwrap();
    assert_eq!(spec.files[Parameter::Image][0].name, "a[1].png");
    assert_eq!(spec.files[Parameter::Image].len(), 1);
}

#[test]
fn the_folder_of_the_sweep_file_may_hold_what_patterns_treat_specially() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("[x]*")).unwrap();
    fs::write(folder.path("[x]*/b.png"), b"").unwrap();
    let text = with("")
        .replace("a.png", "b*.png")
        .replace("\"model\"", "\"../model\"");
    let spec = SweepSpec::parse(&text, &folder.path("[x]*/s.toml")).unwrap();
    assert_eq!(spec.files[Parameter::Image][0].name, "b.png");
    assert_eq!(spec.files[Parameter::Model][0].name, "../model");
}

#[test]
fn patterns_above_the_folder_keep_their_dots_in_names() {
    let folder = Folder::new();
    fs::create_dir(folder.path("sweeps")).unwrap();
    let text = with("")
        .replace("a.png", "../photos/./f*.jpg")
        .replace("\"model\"", "\"./../model/\"");
    let spec = SweepSpec::parse(&text, &folder.path("sweeps/./s.toml")).unwrap();
    let names: Vec<&str> = spec.files[Parameter::Image]
        .iter()
        .map(|image| image.name.as_str())
        .collect();
    assert_eq!(names, ["../photos/f2.jpg", "../photos/f10.jpg"]);
    assert_eq!(spec.files[Parameter::Model][0].name, "../model");
}

#[test]
fn every_table_is_read() {
    let text = with(
        "guidance_scale = [3, 9]\nimage_guidance_scale = [1, 2]\nscheduler = [\"ddim\", \"euler\"]\n\
         [[exclude]]\nguidance_scale = 9\nimage_guidance_scale = 1.0\n\
         [size]\nfit = \"exact\"\nwidth = 512\nheight = 256\n\
         [runtime]\ndevice = \"cuda:1\"\nthreads = 4\nmemory = \"phased\"\nbatch = 8\nmemory_limit_mib = 4096\n\
         [numerics]\nnoise = \"torch-cuda\"\nguidance = \"diffusers\"\nvae_tile = 512\n\
         [sheet]\nrows = \"scheduler\"\ncolumns = \"guidance_scale\"\npanels = [\"image_guidance_scale\"]\ncell = 64\nshow_input = false\nfont = \"a.png\"",
    );
    let spec = parse(&format!("name = \"n.1_x-y\"\n{text}"));
    assert_eq!(spec.name, "n.1_x-y");
    let exclude = &spec.excludes[0];
    assert_eq!(
        exclude.get(Parameter::GuidanceScale).unwrap().to_string(),
        "9.0"
    );
    assert_eq!(
        exclude
            .get(Parameter::ImageGuidanceScale)
            .unwrap()
            .to_string(),
        "1.0"
    );
    assert_eq!(exclude.get(Parameter::Seed), None);
    let fit = Fit::Exact {
        width: 512,
        height: 256,
    };
    assert_eq!(spec.size.fit, fit);
    assert_eq!(spec.runtime.device, Device::Named(ExecutionDevice::Cuda(1)));
    assert_eq!(spec.runtime.threads, 4);
    assert_eq!(spec.runtime.memory, MemoryPolicy::Phased);
    assert_eq!(spec.runtime.batch.to_string(), "8");
    assert_eq!(
        spec.runtime.memory_limit_mib,
        std::num::NonZeroU32::new(4096)
    );
    assert_eq!(spec.numerics.noise, NoiseSource::TorchCuda);
    assert_eq!(spec.numerics.guidance, GuidanceMode::Diffusers);
    let tile = std::num::NonZeroU32::new(512).map(VaeTile::Pixels);
    assert_eq!(Some(spec.numerics.vae_tile), tile);
    assert_eq!(spec.sheet.rows, Some(Parameter::Scheduler));
    assert_eq!(spec.sheet.panels, [Parameter::ImageGuidanceScale]);
    assert_eq!(spec.sheet.columns, Some(Parameter::GuidanceScale));
    assert_eq!((spec.sheet.cell.get(), spec.sheet.show_input), (64, false));
    let font = spec.sheet.font.unwrap();
    assert!(font.is_absolute() && font.ends_with("a.png"), "{font:?}");
}

#[test]
fn a_guidance_interval_is_an_axis_like_any_other() {
    let spec = parse(&with(
        "guidance_start = { from = 0.0, to = 0.3, step = 0.1 }\nguidance_end = [0.75, 1]\n\
         [[exclude]]\nguidance_start = 0.3\nguidance_end = 0.75",
    ));
    let starts = spec.swept(Parameter::GuidanceStart);
    assert_eq!(starts, ["0.0", "0.1", "0.2", "0.3"]);
    assert_eq!(spec.swept(Parameter::GuidanceEnd), ["0.75", "1.0"]);
    let excluded = spec.excludes[0].get(Parameter::GuidanceStart);
    assert_eq!(excluded.unwrap().to_string(), "0.3");
    let default = parse(&with("[[preset]]\nname = \"late\"\nguidance_start = 0.5"));
    assert_eq!(default.swept(Parameter::GuidanceStart), ["0.0"]);
    assert_eq!(default.swept(Parameter::GuidanceEnd), ["1.0"]);
}

#[test]
fn presets_bring_their_own_files_and_may_be_excluded() {
    let spec = parse(&with(
        "seed = [1, 2]\n\
         [[preset]]\nname = \"p\"\nmodel = \"other\"\nimage = \"photos/f2.jpg\"\nscheduler = \"lcm\"\n\
         [[preset]]\nname = \"q\"\nnum_inference_steps = 4\n\
         [[exclude]]\npreset = \"q\"\nseed = 2\n\
         [[exclude]]\nmodel = \"./other\"\nseed = 1",
    ));
    let [p, q] = [0, 1].map(|preset| &spec.presets[preset].overrides);
    assert_eq!(p.get(Parameter::Image), Some(&"photos/f2.jpg".into()));
    assert_eq!(q.get(Parameter::NumInferenceSteps), Some(&Value::Whole(4)));
    assert_eq!(spec.files[Parameter::Model][1].name, "other");
    assert_eq!(spec.files[Parameter::Image][1].name, "photos/f2.jpg");
    assert_eq!(spec.count(Parameter::Model), 1);
    assert_eq!(
        spec.excludes[1].get(Parameter::Model),
        Some(&"other".into())
    );
}

#[test]
fn what_every_preset_sets_need_not_be_in_sweep() {
    let spec = parse(
        "[[preset]]\nname = \"p\"\nmodel = \"model\"\nimage = \"a.png\"\ninstruction = \"x\"\n\
         [[preset]]\nname = \"q\"\nmodel = \"other\"\nimage = \"a.png\"\ninstruction = \"y\"\n",
    );
    assert_eq!(spec.files[Parameter::Model][0].name, "model");
    assert_eq!(spec.files[Parameter::Model][1].name, "other");
    assert_eq!(spec.count(Parameter::Instruction), 0);
    assert_eq!(spec.presets.len(), 2);
}

#[test]
fn dotted_keys_and_inline_tables_are_toml_too() {
    let spec = parse(
        "model = 'model'\nsweep.image = 'a.png'\nsweep.instruction = 'x'\n\
         runtime = { threads = 2 }\npreset = [{ name = 'p', seed = 3 }]",
    );
    assert_eq!(spec.runtime.threads, 2);
    assert_eq!(
        spec.presets[0].overrides.get(Parameter::Seed),
        Some(&Value::Whole(3))
    );
}

#[test]
fn the_template_of_init_is_right_whatever_it_is_filled_with() {
    let folder = Folder::new();
    let image = "it's a \"photo\" @@MODEL@@ [1].png";
    fs::write(folder.path(image), b"").unwrap();
    for instruction in ["make it winter", "\"quoted\" \\ 'both' = # [x]", "été ❄"] {
        let text = template(image, instruction, "model");
        let spec = folder.parse(&text).unwrap();
        assert_eq!(spec.files[Parameter::Image][0].name, image);
        assert_eq!(spec.swept(Parameter::Instruction), [instruction]);
        assert_eq!(spec.files[Parameter::Model][0].name, "model");
        assert_eq!(spec.swept(Parameter::GuidanceScale), ["5.0", "7.0", "9.0"]);
        assert_eq!(spec.count(Parameter::ImageGuidanceScale), 3);
    }
}

#[test]
fn what_the_template_of_init_comments_out_is_right_too() {
    let text = template("a.png", "x", "model");
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if code.contains(" = ") || code.starts_with('[') => format!("{code}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let folder = Folder::new();
    fs::create_dir_all(folder.path("onnx/clip")).unwrap();
    fs::write(folder.path("NotoSansCJK-Regular.ttc"), "").unwrap();
    let spec = folder.parse(&uncommented).unwrap();
    assert_eq!(spec.captions.len(), 1);
    assert_eq!(spec.presets.len(), 1);
    assert_eq!(spec.excludes.len(), 1);
    assert_eq!(spec.size.resolution, Some(512));
    assert_eq!(spec.sheet.columns, Some(Parameter::GuidanceScale));
}
