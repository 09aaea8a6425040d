//! Why a command wasn't done.

use std::process::ExitCode;

use http::StatusCode;

use crate::admin::model::{FaultState, Problem};

/// Each kind has an exit code of its own, for scripts.
#[derive(Debug)]
pub(super) enum Failure {
    /// The proxy said no, or something on the way went wrong.
    Failed(String),
    /// The proxy said no, and why.
    Refused(Box<Problem>),
    /// The command can't be meant like that.
    Usage(String),
    /// There is no answer.
    Unreachable(String),
    /// Without a token, or with a wrong one.
    Unauthorised(String),
}

impl Failure {
    /// What an answer other than success says.
    pub(super) fn of_answer(status: StatusCode, body: &[u8]) -> Self {
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let detail = match &problem {
            Some(problem) => problem.detail.clone(),
            None => format!("the admin server answered {status}: {}", String::from_utf8_lossy(body).trim()),
        };
        match (status, problem) {
            (StatusCode::UNAUTHORIZED, _) => {
                Self::Unauthorised(format!("{detail}; name the file of its token with `--token-file FILE`"))
            }
            (StatusCode::FORBIDDEN, _) => Self::Unauthorised(detail),
            (_, Some(problem)) => Self::Refused(Box::new(problem)),
            (_, None) => Self::Failed(detail),
        }
    }

    /// Whether there is no such thing as was named.
    pub(super) fn is_unknown_name(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == StatusCode::NOT_FOUND.as_u16())
    }

    /// What is said of it, line by line.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Failed(text) | Self::Usage(text) | Self::Unreachable(text) | Self::Unauthorised(text) => {
                vec![text.clone()]
            }
            Self::Refused(problem) => refused(problem),
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) | Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Unauthorised(_) => 4,
        })
    }
}

fn refused(problem: &Problem) -> Vec<String> {
    let mut first = problem.detail.clone();
    if let Some(field) = &problem.field {
        first = format!("{field}: {first}");
    }
    if !problem.known.is_empty() {
        first = format!("{first}; there are {}", problem.known.join(", "));
    }
    let mut lines = vec![first];
    lines.extend(problem.faults.iter().map(fault));
    lines
}

/// A fault of the configuration in the words of `pointsman check`.
pub(super) fn fault(fault: &FaultState) -> String {
    let FaultState { file, line, key, message, hint } = fault;
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
    let hint = if hint.is_empty() { String::new() } else { format!("; {hint}") };
    format!("{file}{line}: {key}{message}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_by_status_and_content() {
        for (status, body, lines, code) in [
            (
                404,
                r#"{"status":404,"error":"unknown-pool","detail":"there is no pool `x`","known":["a","b"]}"#,
                &["there is no pool `x`; there are a, b"][..],
                1,
            ),
            (
                422,
                r#"{"status":422,"error":"bad","detail":"not that","field":"weight"}"#,
                &["weight: not that"],
                1,
            ),
            (
                422,
                r#"{"status":422,"error":"bad","detail":"no","faults":[{"file":"f","line":3,"key":"k","message":"m","hint":"h"},{"file":"f","line":null,"key":"","message":"m","hint":""}]}"#,
                &["no", "f:3: k: m; h", "f: m"],
                1,
            ),
            (
                401,
                r#"{"status":401,"error":"no-token","detail":"needs a token"}"#,
                &["needs a token; name the file of its token with `--token-file FILE`"],
                4,
            ),
            (403, "{\"status\":403,\"error\":\"host\",\"detail\":\"not this host\"}", &["not this host"], 4),
            (502, "<html>", &["the admin server answered 502 Bad Gateway: <html>"], 1),
        ] {
            let failure =
                Failure::of_answer(StatusCode::from_u16(status).expect("a status"), body.as_bytes());
            assert_eq!(failure.lines(), lines);
            assert_eq!(format!("{:?}", failure.exit_code()), format!("{:?}", ExitCode::from(code)));
            assert_eq!(failure.is_unknown_name(), status == 404);
        }
    }
}
