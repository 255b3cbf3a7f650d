//! SHA-256 digests, written in hexadecimal.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// How many bytes of a file are read at a time.
const CHUNK: usize = 1 << 20;

/// A SHA-256 digest, kept as bytes because a run may have a million; as text it is lower-case hexadecimal.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Cow<str>")]
pub struct Sha256Sum([u8; 32]);

/// Text that is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not 64 hexadecimal digits")]
pub struct NoSha256Sum(String);

impl Sha256Sum {
    /// The digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<Cow<'_, str>> for Sha256Sum {
    type Error = NoSha256Sum;

    fn try_from(text: Cow<str>) -> Result<Self, NoSha256Sum> {
        let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        let is_whole = pairs.len() == bytes.len() && rest.is_empty();
        let all_are_digits = bytes.iter_mut().zip(pairs).all(|(byte, &[high, low])| {
            let value = digit(high).zip(digit(low));
            value.map(|(high, low)| *byte = high << 4 | low).is_some()
        });
        match is_whole && all_are_digits {
            true => Ok(Self(bytes)),
            false => Err(NoSha256Sum(text.into_owned())),
        }
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// SHA-256 of a file, which is read in chunks. Devices and pipes are errors: they may have no end, or no writer.
pub(crate) fn of_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        let reason = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            return Ok(hash.finalize().to_vec());
        }
        hash.update(&chunk[..length]);
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |number| char::from_digit(u32::from(number), 16).unwrap_or_default();
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// SHA-256 of bytes in memory.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of bytes in memory, in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hexadecimal(&sha256(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_read_as_it_is_written_and_nothing_else_is() {
        let sum = Sha256Sum::of(b"ip2p");
        let text = serde_json::to_string(&sum).unwrap();
        assert_eq!(text, format!("{:?}", sha256_hex(b"ip2p")));
        assert_eq!(serde_json::from_str::<Sha256Sum>(&text).unwrap(), sum);
        let digits = sum.to_string();
        for wrong in [
            "",
            &digits[1..],
            &digits[2..],
            &format!("{digits}0"),
            &digits.replacen(&digits[..1], "g", 1),
        ] {
            let error = Sha256Sum::try_from(Cow::from(wrong)).unwrap_err();
            assert!(error.to_string().ends_with("is not 64 hexadecimal digits"));
        }
    }
}
