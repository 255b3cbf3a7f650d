//! The commented sweep file that `ip2p init` writes, generated from the definitions.

use super::definitions::Setting;
use super::keys::Table;
use crate::vocabulary::Parameter;

const HEAD: &str = "\
# A sweep of InstructPix2Pix. Paths are relative to this file.
#
#   ip2p plan THIS_FILE     what would run, and how long it takes
#   ip2p run  THIS_FILE     one image per cell, contact sheets and CSV logs in results/
";

/// The leftmost column of the notes.
const NOTES: usize = 32;

const SWEEP_NOTE: &str = "each key takes one value or a list; a list is an axis";

/// A sweep file for one image and one instruction over both guidance scales, with every section explained.
///
/// The arguments are escaped, so that the text is valid TOML whatever they contain.
pub fn template(image: &str, instruction: &str, model: &str) -> String {
    let given = [
        (Parameter::Image, image),
        (Parameter::Instruction, instruction),
        (Parameter::Model, model),
    ];
    let given = |parameter: Parameter| {
        let given = given.into_iter().find(|(known, _)| *known == parameter);
        given.map_or_else(String::new, |(_, value)| quoted(value))
    };
    let mut text = HEAD.to_owned();
    for table in [Table::Root].into_iter().chain(Table::NAMED) {
        text.push('\n');
        text.push_str(&match table {
            Table::Root => format!("{}\n", settings(table)),
            Table::Sweep => aligned(&[("[sweep]".to_owned(), SWEEP_NOTE)]),
            Table::Then => THEN.to_owned(),
            Table::Preset => PRESET.to_owned(),
            Table::Exclude => EXCLUDE.to_owned(),
            Table::Caption => CAPTION.replace("@@VALUE@@", &quoted(instruction)),
            Table::Size | Table::Runtime | Table::Numerics => settings(table),
            Table::Measures | Table::Sheet => settings(table),
            Table::Check => settings(table) + &IGNORE.replace("@@VALUE@@", &quoted(instruction)),
            // They are part of the table before.
            Table::Ignore | Table::Tolerance => String::new(),
        });
        if matches!(table, Table::Root | Table::Sweep) {
            for parameter in table.parameters() {
                let lines = parameter.definition().template;
                // Split instead of replaced, because the user's value may contain the mark itself.
                let mut parts = lines.split("@@VALUE@@");
                text.push_str(parts.next().unwrap_or_default());
                for part in parts {
                    text.push_str(&given(parameter));
                    text.push_str(part);
                }
                text.push('\n');
            }
        }
    }
    text
}

/// A sweep file for a chain: an instruction edits the image, a second stage edits each result, and a third repaints a
/// part if there is a model for that.
pub fn chain_template(
    image: &str,
    instruction: &str,
    model: &str,
    inpainting: Option<&str>,
) -> String {
    let hash = if inpainting.is_none() { "# " } else { "" };
    format!(
        "{CHAIN_HEAD}\nmodel = {}\n\n[sweep]\nimage       = {}\ninstruction = {}\nguidance_scale = [5.0, 7.5]\nseed = 0\n\
         {CHAIN_MIDDLE}\n{hash}[[then]]\n{hash}name   = \"repaint\"\n{hash}model  = {}\n{hash}prompt = \"a red door\"\n\
         {hash}mask   = {{ changed = \"edit\", above = 0.1, grow = 8 }}    # or a file whose white part is repainted\n\
         {hash}strength = [0.8, 1.0]\n",
        quoted(model),
        quoted(image),
        quoted(instruction),
        quoted(inpainting.unwrap_or("onnx/sd15-inpainting")),
    )
}

const CHAIN_HEAD: &str = "\
# A chain: each [[then]] works on each image of the stage before it. Paths are relative to this file.
#
#   ip2p plan THIS_FILE           what would run, and how long it takes
#   ip2p run  THIS_FILE           every image of every stage, each computed once
#   ip2p sheet RUN --chain        the images of each path side by side
#
# It may begin with a text-to-image model as well: then `prompt` stands in the place of `image` and `instruction`.
";

const CHAIN_MIDDLE: &str = "
[[then]]
name = \"again\"
instruction = \"make it night\"     # uses the model of the previous stage
seed = \"same\"                     # that of the image it works on

# One thing is repainted under a mask; it takes an inpainting model (`ip2p export` makes one).";

/// A TOML basic string on one line; TOML's and JSON's strings differ in only one character.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

const THEN: &str = "\
# A stage that works on the images of the one before it; any number of them, each with what [sweep] takes.
# docs/chains.md has masks and other kinds of model.
# [[then]]
# instruction = \"make it night\"
";

const PRESET: &str = "\
# Linked parameters: together one axis named \"preset\". A key set here has one value above.
# [[preset]]
# name = \"subtle\"
# num_inference_steps = 50
# negative_prompt = \"blurry\"
";

const EXCLUDE: &str = "\
# Cells to leave out: those that match every key.
# [[exclude]]
# guidance_scale = 9.0
# image_guidance_scale = 1.2
";

const CAPTION: &str = "\
# With a CLIP folder: what the image shows before and after, to measure how well an edit follows.
# [[caption]]
# instruction = @@VALUE@@
# before = \"a house\"
# after  = \"a house in winter\"
";

const IGNORE: &str = "\
# [[check.ignore]]
# box = [0, 0, 64, 32]          # left, top, width, height in pixels, or mask = \"FILE\": not judged
# [[check.tolerance]]
# instruction = @@VALUE@@
# perceptual_mean = 0.2
";

/// The settings of a table as comments: each with its default or an example, and its note.
fn settings(table: Table) -> String {
    let noted_settings = table.settings().iter();
    let noted_settings: Vec<(&Setting, &str)> = noted_settings
        .filter_map(|setting| Some((*setting, setting.note?)))
        .collect();
    let keys = noted_settings.iter().map(|(setting, _)| setting.key.len());
    let width = keys.max().unwrap_or_default();
    let lines = noted_settings.into_iter().map(|(setting, note)| {
        let line = format!("# {:width$} = {}", setting.key, setting.example);
        (line, note)
    });
    let header = (table != Table::Root).then(|| (format!("# {}", table.header()), table.note()));
    aligned(&header.into_iter().chain(lines).collect::<Vec<_>>())
}

/// Lines with their notes, if any, aligned in one column.
fn aligned(lines: &[(String, &str)]) -> String {
    let noted = lines.iter().filter(|(_, note)| !note.is_empty());
    let longest = noted.map(|(line, _)| line.chars().count()).max();
    let column = NOTES.max(longest.unwrap_or_default() + 2);
    let lines = lines.iter().map(|(line, note)| match *note {
        "" => format!("{line}\n"),
        _ => format!("{line:column$}# {note}\n"),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stand_apart_from_what_they_explain() {
        for line in template("x", "x", "x").lines() {
            for (place, _) in line.match_indices('#').filter(|&(place, _)| place > 0) {
                assert!(line[..place].ends_with(' '), "{line}");
            }
        }
    }

    #[test]
    fn whatever_an_instruction_holds_the_file_is_toml_and_says_it() {
        for text in [
            "make it \"winter\" \\ now",
            "two\nlines\r\n\tand @@VALUE@@",
            "\u{7f}\u{0}\u{1b} 'é' # no",
        ] {
            let file = template(text, text, text);
            let table: toml::Table = file.parse().unwrap();
            assert_eq!(table["model"].as_str(), Some(text));
            assert_eq!(table["sweep"]["instruction"].as_str(), Some(text));
            let lines = file.lines().count();
            let plain = template("x", "x", "x").lines().count();
            assert_eq!(lines, plain, "a comment must not end early");
        }
    }
}
