//! Checks names read from files before they become file names.

/// The longest file name that every system takes, less room for an extension.
const MAX_BYTES: usize = 240;

/// Whether text, joined to a folder, names an entry of that folder and nothing elsewhere, whoever wrote it.
pub fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.len() <= MAX_BYTES && !name.starts_with('.') && name.bytes().all(plain)
}
