//! Which coding a client takes (RFC 9110 section 12.5.3).

use http::HeaderValue;
use http::header::GetAll;

use crate::config::Coding;
use crate::weighted;

/// What the fields say, in thousandths, of one coding, or of all others.
#[derive(Debug, Default, Clone, Copy)]
struct Weights {
    codings: [Option<u16>; 3],
    identity: Option<u16>,
    others: Option<u16>,
}

/// The coding that the client likes best; of several, that which comes first in `offered`. None if it asks for nothing, or likes a response
/// as it is better.
pub(super) fn choose(fields: GetAll<'_, HeaderValue>, offered: &[Coding]) -> Option<Coding> {
    let mut weights = Weights::default();
    for (name, weight) in fields.iter().flat_map(|field| weighted::members(field.as_bytes())) {
        weights.add(name, weight);
    }
    let weight = |coding: Coding| weights.of(coding);
    let best = offered.iter().map(|coding| weight(*coding)).max().filter(|best| *best > 0)?;
    if weights.identity.is_some_and(|identity| identity > best) {
        return None;
    }
    offered.iter().copied().find(|coding| weight(*coding) == best)
}

impl Weights {
    fn of(&self, coding: Coding) -> u16 {
        self.codings[coding as usize].or(self.others).unwrap_or(0)
    }

    fn add(&mut self, name: &[u8], weight: u16) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("*") {
            self.others = Some(weight);
        } else if is("identity") {
            self.identity = Some(weight);
        } else if let Some(coding) = Coding::ALL.into_iter().find(|coding| is(coding.name())) {
            self.codings[coding as usize] = Some(weight);
        } else if is("x-gzip") {
            self.codings[Coding::Gzip as usize].get_or_insert(weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::ACCEPT_ENCODING;

    use super::*;

    fn chosen(fields: &[&'static str], offered: &[Coding]) -> &'static str {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(field));
        }
        choose(headers.get_all(ACCEPT_ENCODING), offered).map_or("-", Coding::name)
    }

    #[test]
    fn the_best_liked_coding_is_chosen_and_of_several_the_first_offered() {
        for (field, expected) in [
            ("gzip, deflate, br, zstd", "zstd"),
            ("gzip, deflate, br", "br"),
            ("gzip", "gzip"),
            ("GZIP;Q=1", "gzip"),
            ("x-gzip", "gzip"),
            ("gzip;q=0, x-gzip", "-"),
            ("", "-"),
            ("identity", "-"),
            ("deflate", "-"),
            ("*", "zstd"),
            ("*;q=0", "-"),
            ("*;q=0, gzip", "gzip"),
            ("zstd;q=0, *", "br"),
            ("gzip;q=1.0, zstd;q=0.5, *;q=0", "gzip"),
            ("gzip;q=0.001", "gzip"),
            ("gzip;q=0.000", "-"),
            ("gzip;q=0", "-"),
            ("identity;q=1, gzip;q=0.5", "-"),
            ("identity;q=0.5, gzip;q=0.5", "gzip"),
            ("identity;q=0", "-"),
            ("identity;q=0, gzip", "gzip"),
            (" gzip ; q = 0.8 , br ; q=0.9", "br"),
            ("gzip;level=9;q=0.5", "gzip"),
            // Bytes that promise nothing.
            ("gzip;q=", "-"),
            ("gzip;q=2", "-"),
            ("gzip;q=1.001", "-"),
            ("gzip;q=0.1234", "-"),
            ("gzip;q=-1", "-"),
            ("gzip;q=.5", "-"),
            ("gzipped", "-"),
            ("notgzip", "-"),
            (",,, ;;; ,gzip", "gzip"),
            ("gzip br", "-"),
            ("\"gzip\"", "-"),
        ] {
            assert_eq!(chosen(&[field], &Coding::ALL), expected, "{field:?}");
        }
        assert_eq!(chosen(&["deflate", "gzip;q=0.2", "br;q=0.1"], &Coding::ALL), "gzip");
        assert_eq!(chosen(&[], &Coding::ALL), "-");
        assert_eq!(chosen(&["gzip, br, zstd"], &[Coding::Gzip, Coding::Brotli]), "gzip");
        assert_eq!(chosen(&["zstd, br;q=0.1"], &[Coding::Gzip, Coding::Brotli]), "br");
    }
}
