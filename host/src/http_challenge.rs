//! What authorities are answered that ask in clear whether a name leads to this proxy (http-01, RFC 8555 section 8.3).

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use parking_lot::Mutex;

/// Where authorities ask, before the token.
const PREFIX: &str = "/.well-known/acme-challenge/";

/// The questions that are expected, and what they are answered with. All workers share it.
#[derive(Debug, Default)]
pub struct HttpChallenges(Mutex<Expected>);

#[derive(Debug, Default)]
struct Expected {
    /// Key authorizations by token.
    answers: HashMap<Box<str>, Bytes>,
    shared: Vec<SharedAccount>,
}

/// An account by which other proxies order, too. The authority may ask here for what another one has ordered; whoever has the account can
/// answer, as the answer is made of the token and the account's key only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedAccount {
    /// The names that are ordered.
    pub names: HashSet<String>,
    /// The hash of the account's key, as base64 (RFC 7638).
    pub thumbprint: String,
}

impl HttpChallenges {
    /// From now on answers the question with this token.
    pub fn present(&self, token: &str, answer: &str) {
        self.0.lock().answers.insert(token.into(), Bytes::copy_from_slice(answer.as_bytes()));
    }

    /// Answers the question with this token no more.
    pub fn withdraw(&self, token: &str) {
        self.0.lock().answers.remove(token);
    }

    /// From now on answers for these accounts, too, and for no others.
    pub fn share(&self, accounts: Vec<SharedAccount>) {
        self.0.lock().shared = accounts;
    }

    /// The answer to a request for this path of this host, if it is such a question. A token that isn't known is somebody else's: a
    /// backend may order certificates, too.
    #[must_use]
    pub fn answer<'a>(&self, path: &str, host: impl FnOnce() -> Option<&'a str>) -> Option<Bytes> {
        let token = path.strip_prefix(PREFIX)?;
        let expected = self.0.lock();
        if let Some(answer) = expected.answers.get(token) {
            return Some(answer.clone());
        }
        if expected.shared.is_empty() || !is_token(token) {
            return None;
        }
        let host = host()?.to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let account = expected.shared.iter().find(|account| account.names.contains(name))?;
        Some(format!("{token}.{}", account.thumbprint).into())
    }
}

/// Whether a text can be a token: it is given back, so it must not mean anything to anybody.
fn is_token(text: &str) -> bool {
    (16..=256).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_expected_questions_are_answered() {
        let challenges = HttpChallenges::default();
        let ask = |path: &str| challenges.answer(path, || Some("a.test")).map(|answer| answer.to_vec());
        let (token, other) = ("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ", "x".repeat(32));
        let path = format!("/.well-known/acme-challenge/{token}");
        assert_eq!(ask(&path), None);
        challenges.present(token, "answer");
        assert_eq!(ask(&path), Some(b"answer".to_vec()));
        for path in [format!("{path}x"), format!("{path}/"), format!("/x{path}"), format!("{PREFIX}{other}")]
        {
            assert_eq!(ask(&path), None, "{path}");
        }
        challenges.withdraw(token);
        assert_eq!(ask(&path), None);
    }

    #[test]
    fn an_account_that_others_use_answers_for_its_names_and_gives_back_nothing_but_tokens() {
        let challenges = HttpChallenges::default();
        let names = HashSet::from(["a.test".to_owned()]);
        challenges.share(vec![SharedAccount { names, thumbprint: "print".into() }]);
        let ask = |token: &str, host: Option<&str>| challenges.answer(&format!("{PREFIX}{token}"), || host);
        let token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-_";
        for host in ["a.test", "A.TEST", "a.test:80"] {
            assert_eq!(ask(token, Some(host)), Some(format!("{token}.print").into()), "{host}");
        }
        for host in [None, Some(""), Some("b.test"), Some("a.test.b.test"), Some(":80")] {
            assert_eq!(ask(token, host), None, "{host:?}");
        }
        for token in [
            "",
            "short",
            "<script>alert(1)</script>",
            "aaaaaaaaaaaaaaaa%0d%0a",
            "../../../../../../../..",
            &"x".repeat(257),
        ] {
            assert_eq!(ask(token, Some("a.test")), None, "{token}");
        }
    }
}
