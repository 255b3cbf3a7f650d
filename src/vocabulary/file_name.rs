//! Names from files that become names of files.

/// The longest name of a file that every system takes, with room for an extension.
const MAX_BYTES: usize = 240;

/// Whether text names a file or folder in the folder that it is joined to, and nothing elsewhere, whoever wrote it.
pub fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.len() <= MAX_BYTES && !name.starts_with('.') && name.bytes().all(plain)
}
