//! Files that nobody means well with.

use std::fs;
use std::fs::File;

use super::super::*;
use super::{Folder, parse, refusal, refuses, told, with};
use crate::vocabulary::Parameter;

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    let error = SweepSpec::read(&folder.path("none.toml")).unwrap_err();
    assert_eq!(
        told(&error).replace(&folder.shown(), "DIR"),
        "cannot read the sweep file DIR/none.toml: No such file or directory (os error 2)\n\
         give the path of a sweep file; `ip2p init` writes one"
    );
}

#[test]
fn a_huge_file_is_refused_unread() {
    let folder = Folder::new();
    let path = folder.path("huge.toml");
    File::create(&path).unwrap().set_len(10 << 30).unwrap();
    let error = SweepSpec::read(&path).unwrap_err();
    assert_eq!(
        told(&error).replace(&folder.shown(), "DIR"),
        "the sweep file DIR/huge.toml is larger than 1 MiB\n\
         a sweep file is a short TOML text; is this the right file?"
    );
    let text = "#".repeat(10 << 20);
    assert!(matches!(
        folder.parse(&text).unwrap_err().problem(),
        SpecProblem::TooLarge { .. }
    ));
}

#[test]
fn text_in_another_encoding_is_refused_at_its_place() {
    let folder = Folder::new();
    let path = folder.path("latin.toml");
    fs::write(&path, b"model = 'model'\nname = '\xe9t\xe9'\n").unwrap();
    let error = SweepSpec::read(&path).unwrap_err();
    assert_eq!(
        told(&error),
        "the sweep file is not UTF-8 text\n2:9\nsave it in the encoding UTF-8"
    );
}

#[test]
fn a_file_is_read_as_its_text_is() {
    let folder = Folder::new();
    fs::write(folder.path("winter.toml"), with("")).unwrap();
    let read = SweepSpec::read(&folder.path("winter.toml")).unwrap();
    assert_eq!(read, folder.parse(&with("")).unwrap());
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let text = format!("\u{feff}{}", with("seed = 3").replace('\n', "\r\n"));
    assert_eq!(parse(&text).swept(Parameter::Seed), ["3"]);
    let text = format!("\u{feff}modle = 1\r\n{}", with("").replace('\n', "\r\n"));
    assert_eq!(
        refusal(&text),
        "unknown key \"modle\" at the top of the file\n1:1\ndid you mean model?"
    );
    let text = with("seed = -3").replace('\n', "\r\n");
    assert!(refusal(&text).contains("\n5:8\n"), "{}", refusal(&text));
}

#[test]
fn deep_nesting_is_refused_without_a_stack_overflow() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let nested = format!("seed = {}{}", open.repeat(100_000), close.repeat(100_000));
        let told = refusal(&with(&nested));
        assert!(told.starts_with("not valid TOML: "), "{told}");
    }
    let dotted = format!("{}x = 1", "a.".repeat(100_000));
    assert!(refusal(&dotted).starts_with("not valid TOML: "));
    refuses(
        "seed = [[[1]]]",
        "seed must be a whole number, not a list\n5:9\ne.g. seed = [0]",
    );
}

#[test]
fn nul_bytes_are_refused_everywhere() {
    assert!(refusal(&with("seed = \0")).starts_with("not valid TOML: "));
    assert!(refusal(&with("").replace("winter", "win\0ter")).starts_with("not valid TOML: "));
    assert_eq!(
        refusal(&with("").replace("winter", "win\\u0000ter")),
        "instruction holds the control character \\u{0}\n4:15\n\
         write the text on one line, with spaces instead of tabs"
    );
    assert_eq!(
        refusal(&with("").replace("a.png", "a\\u0000.png")),
        "image: the file name \"a\\u{0}.png\" is not plain text\n3:9\n\
         rename it, without control characters and in UTF-8"
    );
}

#[test]
fn dates_infinities_and_booleans_are_no_numbers() {
    refuses(
        "seed = 1979-05-27",
        "seed must be a whole number, not a date\n5:8\ne.g. seed = [0]",
    );
    refuses(
        "guidance_scale = inf",
        "guidance_scale is inf, which is not a finite number\n5:18\ngive a number like 7.0",
    );
    refuses(
        "guidance_scale = [1.0, nan]",
        "guidance_scale is nan, which is not a finite number\n5:24\ngive a number like 7.0",
    );
    refuses(
        "guidance_scale = true",
        "guidance_scale must be a number, not true or false\n5:18\ne.g. guidance_scale = [7.0]",
    );
}

#[test]
fn numbers_of_any_size_are_refused_and_not_wrapped() {
    for huge in [
        "1e300",
        "1e28",
        "79228162514264337593543950336",
        "1".repeat(400).as_str(),
    ] {
        let told = refusal(&with(&format!("guidance_scale = {huge}")));
        assert!(told.contains("outside 0.0 to 100.0"), "{told}");
    }
    let told = refusal(&with("guidance_scale = 1e-30"));
    assert!(told.contains("more than 6 decimals"), "{told}");
    refuses(
        "seed = 18446744073709551616",
        "seed is 18446744073709551616, which is outside 0 to 18446744073709551615\n5:8\n\
         give a number from 0 to 18446744073709551615",
    );
    refuses(
        "seed = \"18446744073709551616\"",
        "seed is 18446744073709551616, which is outside 0 to 18446744073709551615\n5:8\n\
         give a number from 0 to 18446744073709551615",
    );
    let told = refusal(&with(&format!("seed = \"{}\"", "9".repeat(400))));
    assert!(told.contains("which is outside 0 to"), "{told}");
}

#[test]
fn ranges_are_limited_before_they_are_made() {
    refuses(
        "seed = { from = 0, count = 18446744073709551615 }",
        "the range of seed has 18446744073709551615 values, more than 1000000\n5:8\n\
         take a larger step or a smaller count",
    );
    refuses(
        "seed = { from = 0, to = 18446744073709551615, step = 1 }",
        "the range of seed has 18446744073709551616 values, more than 1000000\n5:8\n\
         take a larger step or a smaller count",
    );
    refuses(
        "guidance_scale = { from = 0, to = 100, step = 0.000001 }",
        "the range of guidance_scale has 100000001 values, more than 1000000\n5:18\n\
         take a larger step or a smaller count",
    );
    refuses(
        "seed = { from = 18446744073709551615, count = 2 }",
        "seed is 18446744073709551616, which is outside 0 to 18446744073709551615\n5:8\n\
         give a number from 0 to 18446744073709551615",
    );
}

#[test]
fn a_product_over_a_million_cells_is_refused() {
    refuses(
        "seed = { from = 0, count = 1000 }\nguidance_scale = { from = 0, to = 100, step = 0.1 }",
        "the sweep has 1001000 cells, more than 1000000\n\
         shorten an axis: seed has 1000 values, guidance_scale has 1001 values",
    );
    let million = "{ from = 0, to = 99.9999, step = 0.0001 }";
    refuses(
        &format!(
            "seed = {{ from = 0, count = 1000000 }}\nguidance_scale = {million}\n\
             image_guidance_scale = {million}\nnum_inference_steps = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]"
        ),
        "the sweep has more than 10^19 cells, more than 1000000\n\
         shorten an axis: num_inference_steps has 20 values, seed has 1000000 values, \
         image_guidance_scale has 1000000 values, guidance_scale has 1000000 values",
    );
    let spec = parse(&with("seed = { from = 0, count = 1000000 }"));
    assert_eq!(spec.count(Parameter::Seed), 1_000_000);
}

#[test]
fn presets_count_as_cells() {
    let presets: String = (1..=11)
        .map(|n| format!("[[preset]]\nname = \"{n}\"\nnum_inference_steps = {n}\n"))
        .collect();
    let told = refusal(&with(&format!(
        "seed = {{ from = 0, count = 100000 }}\n{presets}"
    )));
    assert!(told.starts_with("the sweep has 1100000 cells"), "{told}");
}

#[test]
fn messages_show_no_terminal_codes_and_are_not_endless() {
    let text = format!("\"\\u001b[31m{}\" = 1\n{}", "x".repeat(5000), with(""));
    let told = refusal(&text);
    assert!(told.starts_with("unknown key \"\\u{1b}[31mxxxx"), "{told}");
    assert!(told.len() < 400, "{}", told.len());
}

#[test]
fn many_faults_are_told_at_once_in_the_order_of_the_file() {
    let text = with("seed = -1\nscheduler = \"eular\"\nguidance_scale = []");
    let error = Folder::new().parse(&text).unwrap_err();
    let lines: Vec<usize> = std::iter::once(&error)
        .chain(error.others())
        .map(|error| error.location().unwrap().1)
        .collect();
    assert_eq!(lines, [5, 6, 7]);
    let many: String = (0..1000).map(|n| format!("unknown{n} = 1\n")).collect();
    let error = Folder::new().parse(&with(&many)).unwrap_err();
    assert_eq!(error.others().len(), 19);
}

#[test]
fn text_that_no_plan_could_hold_is_refused() {
    let long = "y".repeat(9_000);
    let text = with(&format!(
        "negative_prompt = \"{long}\"\nseed = {{ from = 0, count = 60000 }}"
    ));
    assert_eq!(
        refusal(&text),
        "the sweep's 60000 cells hold up to 9024 bytes of text each: more than 512 MiB\n\
         shorten the longest instruction or negative prompt, or an axis: seed has 60000 values"
    );
    let fewer = text.replace("60000", "59000");
    assert_eq!(parse(&fewer).count(Parameter::Seed), 59_000);
}
