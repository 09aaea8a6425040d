//! Names of a guest's functions, as its author wrote them.

use std::fmt::{self, Write};

use cpp_demangle::{DemangleOptions, Symbol};

/// Longest name that is demangled, and longest result, bytes. Short names can stand for very long ones.
const MOST: usize = 1024;

/// The demangled form of a name of Rust or C++; any other name as it is.
pub(super) fn demangled(name: &str) -> String {
    if name.len() > MOST {
        return name.to_owned();
    }
    if let Ok(symbol) = rustc_demangle::try_demangle(name) {
        // Without the hash that tells instances of a crate apart.
        return bounded(|out| write!(out, "{symbol:#}")).unwrap_or_else(|| name.to_owned());
    }
    // A name such as `_Znow` in a plugin in C would be demangled, too. There are none.
    let symbol = name.starts_with("_Z").then(|| Symbol::new(name.as_bytes()).ok()).flatten();
    let readable =
        symbol.and_then(|symbol| bounded(|out| symbol.structured_demangle(out, &DemangleOptions::default())));
    readable.unwrap_or_else(|| name.to_owned())
}

fn bounded(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> Option<String> {
    let mut out = Bounded(String::new());
    write(&mut out).ok().map(|()| out.0)
}

/// A text of at most [`MOST`] bytes: writing more is an error.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MOST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_and_cpp_are_readable_and_others_stay() {
        for (name, expected) in [
            ("_RNvCskwGfYPst2Cb_3foo16example_function", "foo::example_function"),
            ("_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic"),
            ("_ZN6policy4pickEi", "policy::pick(int)"),
            ("pointsman_pick", "pointsman_pick"),
            ("runtime.memmove", "runtime.memmove"),
            ("_Znonsense", "_Znonsense"),
            ("", ""),
        ] {
            assert_eq!(demangled(name), expected);
        }
    }

    #[test]
    fn a_name_that_stands_for_an_endless_one_stays() {
        // Each template argument is twice the one before.
        let bomb = format!(
            "_Z1fI{}E",
            (0..60)
                .map(|n| if n == 0 { "1aIiiE".to_owned() } else { format!("1aIS{}_S{}_E", back(n), back(n)) })
                .collect::<String>()
        );
        let long = "x".repeat(MOST + 1);
        for name in [bomb, long] {
            assert!(demangled(&name).len() <= name.len().max(MOST));
        }
    }

    /// The number of a substitution: nothing, 0, 1 … in base 36.
    fn back(number: u32) -> String {
        match number.checked_sub(2) {
            None => String::new(),
            Some(number) => char::from_digit(number % 36, 36)
                .map(|digit| digit.to_ascii_uppercase().to_string())
                .unwrap_or_default(),
        }
    }
}
