//! Unix sockets as they are typed.

use pointsman_core::address::{Address, SocketPath, SocketPathError, UNIX};

use super::read::{Value, excerpt};

/// Who may connect to a socket that has a path if nothing else is said: its owner and its group.
pub(super) const SOCKET_MODE: u32 = 0o660;

/// A Unix socket, if that is what is typed; the inner `None` if it is no usable one. A relative path is beside the file.
pub(super) fn socket(value: &Value<'_>) -> Option<Option<Address>> {
    let text = value.raw().as_str()?.strip_prefix(UNIX)?;
    Some(parse(value, text).map(Address::Unix))
}

fn parse(value: &Value<'_>, text: &str) -> Option<SocketPath> {
    let fault = match SocketPath::parse(text, |path| value.beside_file(path)) {
        Ok(path) => return Some(path),
        Err(fault) => fault,
    };
    let hint = match fault {
        SocketPathError::Long => format!("choose a path of at most {} bytes", SocketPath::LONGEST),
        _ => "write one such as `\"unix:/run/pointsman/app.sock\"`".to_owned(),
    };
    value.fail(format!("`{UNIX}{}` {fault}", excerpt(text)), hint);
    None
}

/// Who may connect to a listener that is a Unix socket: `mode`, three octal digits.
pub(super) fn mode(value: Option<&Value<'_>>, address: Option<&Address>) -> Option<u32> {
    const HINT: &str =
        "write three octal digits, such as `\"0660\"` for owner and group, or `\"0666\"` for everybody";
    let Some(value) = value else { return Some(SOCKET_MODE) };
    if let Some(Address::Tcp(_)) = address {
        value.fail("is about the file of a Unix socket", "remove it, or write `address = \"unix:/run/…\"`");
        return None;
    }
    if let Some(Address::Unix(path)) = address
        && path.file().is_none()
    {
        value.fail(
            "is about a file, and a name behind `@` is none: whoever shares the network namespace may connect",
            "remove it, or choose a path",
        );
        return None;
    }
    let text = value.string()?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let digits = if digits.len() == 4 { digits.strip_prefix('0').unwrap_or(digits) } else { digits };
    let octal = digits.len() == 3 && digits.bytes().all(|digit| (b'0'..b'8').contains(&digit));
    let Some(mode) = octal.then(|| u32::from_str_radix(digits, 8).ok()).flatten() else {
        value.fail(format!("`{}` is no mode of a file", excerpt(text)), HINT);
        return None;
    };
    if mode & 0o600 != 0o600 {
        let message = format!("`{}` keeps the owner out", excerpt(text));
        value.fail(message, HINT);
        return None;
    }
    Some(mode)
}
