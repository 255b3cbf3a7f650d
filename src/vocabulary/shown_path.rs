//! How results show paths.

use std::borrow::Cow;

use super::Parameter;

/// A model's, image's or mask's name as results show it: only the last part of an absolute path, because where a file
/// lies on a machine is private, and means nothing on another.
pub fn shown_path(name: &str) -> &str {
    let is_drive = |name: &str| name.as_bytes().get(1) == Some(&b':');
    if !name.starts_with(['/', '\\']) && !is_drive(name) {
        return name;
    }
    let parts = name.rsplit(['/', '\\']);
    parts
        .into_iter()
        .find(|part| !part.is_empty())
        .unwrap_or(name)
}

/// A mask's name as results show it: its file name, even if the file stands in a table of adjustments.
pub fn shown_mask(name: &str) -> Cow<'_, str> {
    let Some(table) = name.strip_prefix(MASK_FILE) else {
        return shown_path(name).into();
    };
    let mut strings = serde_json::Deserializer::from_str(table).into_iter::<String>();
    match strings.next() {
        Some(Ok(file)) => {
            let shown = serde_json::Value::from(shown_path(&file));
            format!("{MASK_FILE}{shown}{}", &table[strings.byte_offset()..]).into()
        }
        Some(Err(_)) | None => name.into(),
    }
}

/// How the table of a mask that is made from a file begins.
const MASK_FILE: &str = "{ file = ";

/// A parameter's value as results show it.
pub fn shown_value(parameter: Parameter, value: &str) -> Cow<'_, str> {
    if parameter == Parameter::Mask {
        return shown_mask(value);
    }
    match matches!(parameter, Parameter::Model | Parameter::Image) {
        true => shown_path(value).into(),
        false => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_end_with_their_last_part() {
        for (name, shown) in [
            ("../onnx/demo", "../onnx/demo"),
            ("house.png", "house.png"),
            ("/home/ann/models/sd/", "sd"),
            ("C:\\models\\sd", "sd"),
            ("/", "/"),
        ] {
            assert_eq!(shown_path(name), shown);
        }
    }

    #[test]
    fn files_within_the_tables_of_masks_are_shown_as_others() {
        for (name, shown) in [
            ("/home/ann/door.png", "door.png"),
            (
                "{ file = \"/home/ann/a \\\"b\\\".png\", grow = 8 }",
                "{ file = \"a \\\"b\\\".png\", grow = 8 }",
            ),
            (
                "{ file = \"masks/door.png\", invert = true }",
                "{ file = \"masks/door.png\", invert = true }",
            ),
            ("{ alpha = true }", "{ alpha = true }"),
        ] {
            assert_eq!(shown_mask(name), shown);
        }
    }
}
