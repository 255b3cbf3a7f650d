//! Hostile sweep files, by intention or by accident.

use std::fs;
use std::fs::File;

use super::super::*;
use super::{Folder, parse, refusal, told, with};
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
}

#[test]
fn nul_bytes_are_refused_everywhere() {
    assert!(refusal(&with("seed = \0")).starts_with("not valid TOML: "));
    assert!(refusal(&with("").replace("winter", "win\0ter")).starts_with("not valid TOML: "));
}

#[test]
fn a_million_cells_are_not_too_many() {
    let spec = parse(&with("seed = { from = 0, count = 1000000 }"));
    assert_eq!(spec.count(Parameter::Seed), 1_000_000);
}

#[test]
fn messages_show_no_terminal_codes_and_are_not_endless() {
    let text = format!("\"\\u001b[31m{}\" = 1\n{}", "x".repeat(5000), with(""));
    let told = refusal(&text);
    assert!(told.starts_with("unknown key \"\\u{1b}[31mxxxx"), "{told}");
    assert!(told.len() < 400, "{}", told.len());
}

#[test]
fn no_more_than_twenty_faults_are_told() {
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
