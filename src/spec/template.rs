//! The commented sweep file that `ip2p init` writes.

/// A sweep file of one image and one instruction over both scales, with every section explained.
///
/// The values are escaped: whatever they hold, the text is TOML.
pub fn template(image: &str, instruction: &str, model: &str) -> String {
    let quote = |value: &str| toml::Value::String(value.to_owned()).to_string();
    include_str!("template.toml")
        .split("@@")
        .map(|part| match part {
            "IMAGE" => quote(image),
            "INSTRUCTION" => quote(instruction),
            "MODEL" => quote(model),
            text => text.to_owned(),
        })
        .collect()
}
