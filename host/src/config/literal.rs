//! Texts as they are written in a configuration file.

/// A text in quotes, whatever it holds.
#[must_use]
pub fn literal(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "",
            "plain",
            "a\"b",
            "it's",
            "both ' and \"",
            "back\\slash",
            "# no comment",
            "a\nb",
            "\u{1}\t\u{7f}",
            "'''\"\"\"",
            "grün 🟢",
        ] {
            let read: toml::Table = format!("key = {} # end", literal(text)).parse().expect("TOML");
            assert_eq!(read["key"].as_str(), Some(text));
        }
    }
}
