//! Text in markup.

use std::fmt::{self, Write as _};

/// Text that is nothing but text in HTML and SVG.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn text_is_never_markup() {
        assert_eq!(Text("<b a=\"1\">'&'").to_string(), "&lt;b a=&quot;1&quot;&gt;&#39;&amp;&#39;");
    }
}
