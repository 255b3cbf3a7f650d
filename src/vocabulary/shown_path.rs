//! Paths as results show them.

use super::Parameter;

/// The name of a model, an image or a mask where others see it: of an absolute path the last part, since where it lies on a
/// machine is nobody's business and means nothing elsewhere.
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

/// A value of a parameter where others see it.
pub fn shown_value(parameter: Parameter, value: &str) -> &str {
    match matches!(
        parameter,
        Parameter::Model | Parameter::Image | Parameter::Mask
    ) {
        true => shown_path(value),
        false => value,
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
}
