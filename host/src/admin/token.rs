//! The token that requests need, from a file that is followed.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::control::watch::FileStamp;
use crate::regular_file;

/// Length of a token, bytes.
const LEAST: usize = 16;
const MOST: usize = 512;

/// Permissions that the file may not have: anything for others.
const OTHERS: u32 = 0o007;

/// The token in a file. When the file changes, the next request sees what it holds then.
#[derive(Debug)]
pub(super) struct Token {
    file: PathBuf,
    state: Mutex<TokenState>,
}

#[derive(Debug)]
struct TokenState {
    stamp: Option<FileStamp>,
    digest: [u8; 32],
}

/// A token can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file can't be read.
    #[error("cannot read it: {0}")]
    Unreadable(io::Error),
    /// Anybody may read the file.
    #[error("others may read or write it (mode {0:o}); run `chmod 600` on it")]
    Open(u32),
    /// What it holds is no token.
    #[error(
        "it holds no token; write {LEAST} to {MOST} printable characters without spaces into it, such as `openssl rand -hex 32` prints"
    )]
    NoToken,
}

impl Token {
    /// The token in this file.
    ///
    /// # Errors
    ///
    /// The file can't be read, anybody may read it, or it holds no token.
    pub(super) fn read(file: &Path) -> Result<Self, TokenError> {
        let state = TokenState { stamp: FileStamp::of(file), digest: digest_in(file)? };
        Ok(Self { file: file.to_owned(), state: Mutex::new(state) })
    }

    /// Whether this is the token.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        let mut state = self.state.lock();
        let stamp = FileStamp::of(&self.file);
        if stamp != state.stamp {
            match digest_in(&self.file) {
                Ok(digest) => state.digest = digest,
                Err(error) => tracing::error!(
                    event = "admin-token-refused", file = %self.file.display(),
                    "the admin token stays as it was: {error}"
                ),
            }
            state.stamp = stamp;
        }
        // All of it is looked at: the time doesn't say where the first difference is.
        given.iter().zip(state.digest).fold(0, |difference, (one, other)| difference | (one ^ other)) == 0
    }
}

fn digest_in(file: &Path) -> Result<[u8; 32], TokenError> {
    let mode = std::fs::metadata(file).map_err(TokenError::Unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(TokenError::Open(mode & 0o777));
    }
    let content = regular_file::read(file, MOST + 2).map_err(TokenError::Unreadable)?;
    let token = content.trim_ascii_end();
    if !(LEAST..=MOST).contains(&token.len()) || !token.iter().all(u8::is_ascii_graphic) {
        return Err(TokenError::NoToken);
    }
    Ok(Sha256::digest(token).into())
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};

    use super::*;

    #[test]
    fn a_token_is_long_printable_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let read = |content: &[u8], mode: u32| {
            write(&file, content).unwrap();
            set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            Token::read(&file).map_err(|error| error.to_string())
        };
        let good = read(b"0123456789abcdef\n", 0o640).unwrap();
        assert!(good.is(b"0123456789abcdef"));
        for wrong in [&b""[..], b"0123456789abcdef\n", b"0123456789abcdeF", b"0123456789abcde"] {
            assert!(!good.is(wrong), "{wrong:?}");
        }
        for wrong in [
            &b"0123456789abcde"[..],
            b"0123456789 abcdef",
            b"0123456789\xffabcdef",
            b"a\nb0123456789abcdef",
            &[b'x'; 513],
        ] {
            assert!(read(wrong, 0o600).unwrap_err().contains("no token") || wrong.len() > MOST, "{wrong:?}");
        }
        assert!(read(b"0123456789abcdef", 0o604).unwrap_err().contains("mode 604"));
    }

    #[test]
    fn another_token_in_the_file_is_the_token_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let replace = |content: &str| {
            let next = folder.path().join("next");
            write(&next, content).unwrap();
            set_permissions(&next, Permissions::from_mode(0o600)).unwrap();
            std::fs::rename(&next, &file).unwrap();
        };
        replace("the-first-token-of-all");
        let token = Token::read(&file).unwrap();
        replace("the-second-token-of-all");
        assert!(token.is(b"the-second-token-of-all") && !token.is(b"the-first-token-of-all"));
        replace("short");
        assert!(token.is(b"the-second-token-of-all"));
        std::fs::remove_file(&file).unwrap();
        assert!(token.is(b"the-second-token-of-all"));
    }
}
