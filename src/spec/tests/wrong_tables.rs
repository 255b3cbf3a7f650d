//! Mistakes in names, presets, exclusions and settings, each with its exact message, place and hint.

use super::super::SweepSpec;
use super::{Folder, refusal, refuses, told, with};

#[test]
fn names_that_are_no_folder_names_are_refused() {
    let only = "only letters, digits, `.`, `_` and `-` are allowed";
    let ends = "it begins with `.` or `-` or ends with `.`";
    for (name, reason, better) in [
        ("", "it is empty", "winter"),
        ("..", ends, "winter"),
        (".", ends, "winter"),
        ("-rf", ends, "rf"),
        (".hidden", ends, "hidden"),
        ("a/../b", only, "a-..-b"),
        ("/etc", only, "etc"),
        ("my sweep", only, "my-sweep"),
        ("né", only, "n"),
        ("NUL.txt", "Windows reserves it for a device", "winter"),
    ] {
        assert_eq!(
            refusal(&format!("name = '{name}'\n{}", with(""))),
            format!(
                "\"{name}\" cannot be the name of a run folder: {reason}\n1:8\n\
                 choose another, e.g. name = \"{better}\""
            )
        );
    }
    let told = refusal(&format!("name = '{}'\n{}", "x".repeat(101), with("")));
    assert!(told.contains("it is longer than 100 characters"), "{told}");
}

#[test]
fn a_file_name_that_is_no_run_name_asks_for_one() {
    let folder = Folder::new();
    let error = SweepSpec::parse(&with(""), &folder.path("my sweep.toml")).unwrap_err();
    assert_eq!(
        told(&error),
        "\"my sweep\" cannot be the name of a run folder: only letters, digits, `.`, `_` and `-` \
         are allowed\nthe name is that of the sweep file; add another at the top: name = \"my-sweep\""
    );
}

#[test]
fn presets_need_names_and_values() {
    refuses(
        "[[preset]]\nseed = 1",
        "the name of preset 1 is missing\n5:1\nadd name = \"subtle\"",
    );
    refuses(
        "[[preset]]\nname = 'p'",
        "the preset \"p\" sets nothing\n5:1\ngive it values, e.g. guidance_scale = 5.0",
    );
    refuses(
        "[[preset]]\nname = 'p'\nseed = 1\n[[preset]]\nname = 'p'\nseed = 2",
        "the name of presets has the value \"p\" twice\n9:8\nremove one of the two",
    );
    refuses(
        "[[preset]]\nname = 'p'\nseed = 1\n[[preset]]\nname = 'q'\nseed = 1",
        "the presets \"p\" and \"q\" set the same values\n8:1\n\
         remove one of the two; what a preset leaves out it takes from [sweep]",
    );
    refuses(
        "[[preset]]\nname = 'p'\nseed = 1\n[[preset]]\nname = 'q'\nseed = [1, 2]",
        "seed of preset 2 must be one value, not a list\n10:8\nwrite one [[preset]] for each value",
    );
    refuses(
        "[[preset]]\nname = 'p'\nguidance_scale = 200",
        "guidance_scale of preset 1 is 200.0, which is outside 0.0 to 100.0\n7:18\n\
         give a number from 0.0 to 100.0",
    );
}

#[test]
fn presets_cannot_set_an_axis() {
    refuses(
        "guidance_scale = [1, 2]\n[[preset]]\nname = 'p'\nguidance_scale = 5",
        "guidance_scale of preset 1 is set by a preset, but is also an axis of [sweep]\n8:18\n\
         leave one value of guidance_scale under [sweep], or take guidance_scale out of the presets",
    );
}

#[test]
fn exclusions_that_never_match_are_refused() {
    refuses(
        "guidance_scale = { from = 3, to = 9, step = 1.5 }\n[[exclude]]\nguidance_scale = 8",
        "guidance_scale of exclude 1 never matches: the sweep has no guidance_scale 8.0\n7:18\n\
         the nearest value is 7.5",
    );
    refuses(
        "[[exclude]]\ninstruction = 'make it wintr'",
        "instruction of exclude 1 never matches: the sweep has no instruction \"make it wintr\"\n6:15\n\
         the nearest value is \"make it winter\"",
    );
    refuses(
        "[[exclude]]\npreset = 'p'",
        "preset of exclude 1 never matches: the sweep has no preset \"p\"\n6:10\n\
         the sweep has no preset; take the key out",
    );
    refuses(
        "[[preset]]\nname = 'p'\nseed = 1\n[[exclude]]\nseed = 0",
        "seed of exclude 1 never matches: the sweep has no seed 0\n9:8\nthe nearest value is 1",
    );
    refuses(
        "[[exclude]]",
        "exclude 1 matches nothing in particular: it has no keys\n5:1\n\
         give it the values of the cells to leave out, e.g. guidance_scale = 9.0",
    );
    refuses(
        "[[exclude]]\nseed = [0, 1]",
        "seed of exclude 1 must be one value, not a list\n6:8\nwrite one [[exclude]] for each value",
    );
}

#[test]
fn sizes_that_contradict_themselves_are_refused() {
    refuses(
        "[size]\nfit = 'crop'\nwidth = 64",
        "size.width does not go with fit = \"crop\"\n7:9\nwidth and height need fit = \"exact\"",
    );
    refuses(
        "[size]\nfit = 'exact'\nwidth = 64",
        "size.height is missing\n5:1\nfit = \"exact\" needs it, e.g. height = 512",
    );
    refuses(
        "[size]\nfit = 'exact'\nwidth = 64\nheight = 64\nresolution = 64",
        "size.resolution does not go with fit = \"exact\"\n9:14\n\
         fit = \"exact\" takes width and height",
    );
    refuses(
        "[size]\nresolution = 10000",
        "size.resolution is 10000, which is outside 16 to 8192\n6:14\ngive a number from 16 to 8192",
    );
    refuses(
        "[size]\nfit = 'krop'",
        "size.fit: unknown rule \"krop\"\n6:7\ndid you mean crop?",
    );
}

#[test]
fn settings_that_do_not_exist_are_refused() {
    refuses(
        "[runtime]\ndevice = 'gpu'",
        "runtime.device: unknown device \"gpu\"\n6:10\nchoose from: auto, cpu, cuda, cuda:1",
    );
    refuses(
        "[runtime]\nmemory = 'phase'",
        "runtime.memory: unknown policy \"phase\"\n6:10\ndid you mean phased?",
    );
    refuses(
        "[runtime]\nthreads = -1",
        "runtime.threads is -1, which is outside 0 to 1024\n6:11\ngive a number from 0 to 1024",
    );
    refuses(
        "[runtime]\nbatch = 'many'",
        "runtime.batch must be \"auto\" or a whole number, not text\n6:9\ne.g. batch = \"auto\"",
    );
    refuses(
        "[runtime]\nbatch = 0",
        "runtime.batch is 0, which is outside 1 to 1024\n6:9\ngive a number from 1 to 1024",
    );
    refuses(
        "[runtime]\nmemory_limit_mib = 0",
        "runtime.memory_limit_mib is 0, which is outside 1 to 16777216\n6:20\ngive a number from 1 to 16777216",
    );
    refuses(
        "[numerics]\nnoise = 'torch'",
        "numerics.noise: unknown noise \"torch\"\n6:9\nchoose from: torch-cpu, torch-cuda",
    );
    refuses(
        "[numerics]\nguidance = 'difusers'",
        "numerics.guidance: unknown guidance \"difusers\"\n6:12\ndid you mean diffusers?",
    );
    refuses(
        "[numerics]\nvae_tile = 'small'",
        "numerics.vae_tile: unknown tile \"small\"\n6:12\nchoose from: auto, off",
    );
    refuses(
        "[numerics]\nvae_tile = 32",
        "numerics.vae_tile is 32, which is outside 64 to 8192\n6:12\ngive a number from 64 to 8192",
    );
    refuses(
        "[numerics]\nvae_tile = true",
        "numerics.vae_tile must be \"auto\", \"off\" or a whole number, not true or false\n6:12\n\
         e.g. vae_tile = \"auto\"",
    );
    refuses(
        "[sheet]\nshow_input = 'yes'",
        "sheet.show_input must be true or false, not text\n6:14\ne.g. show_input = true",
    );
    refuses(
        "[sheet]\ncell = 8",
        "sheet.cell is 8, which is outside 32 to 2048\n6:8\ngive a number from 32 to 2048",
    );
}

#[test]
fn sheets_need_two_different_axes_of_this_sweep() {
    refuses(
        "[sheet]\nrows = 'seed'",
        "sheet.rows is \"seed\", which is not an axis of this sweep\n6:8\n\
         give seed more than one value, or take sheet.rows out",
    );
    refuses(
        "guidance_scale = [1, 2]\n[sheet]\nrows = 'seed'",
        "sheet.rows is \"seed\", which is not an axis of this sweep\n7:8\nits axes are guidance_scale",
    );
    refuses(
        "seed = [1, 2]\n[sheet]\nrows = 'seeds'",
        "sheet.rows: unknown parameter \"seeds\"\n7:8\ndid you mean seed?",
    );
    refuses(
        "seed = [1, 2]\n[sheet]\nrows = 'seed'\ncolumns = 'seed'",
        "sheet.rows and sheet.columns are both seed\n8:11\nchoose two different axes",
    );
}
