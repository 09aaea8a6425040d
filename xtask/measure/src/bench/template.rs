//! Configurations of the contenders: the files in tests/bench/ with their placeholders filled in.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, bail};

use super::speech::{Behind, Speech};

/// What a configuration depends on.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    /// Where the contender listens.
    pub(crate) port: u16,
    /// Processes (nginx), threads (HAProxy), workers (Pointsman).
    pub(crate) workers: usize,
    /// Client connections to be prepared for, with some to spare.
    pub(crate) connections: usize,
    /// Files a process may open.
    pub(crate) files: u64,
    /// Pointsman's policy.
    pub(crate) policy: &'a str,
    /// For what a contender writes.
    pub(crate) directory: &'a Path,
    /// Where requests go.
    pub(crate) backends: &'a [SocketAddr],
    /// What clients speak.
    pub(crate) speech: Speech,
    /// Whether there are many routes.
    pub(crate) routes: bool,
}

/// How many routes there are where there are many. Requests take the last one.
pub(crate) const ROUTES: usize = 20;

/// Fills in a template. A line with `{{backend}}` is repeated for each backend, one with `{{route}}` for each route; one that begins with
/// `{{if X}}` is left out unless X is so: `clear`, `tls`, `http1`, `http2`, `to-http1`, `to-tls`, `to-h2` (by gRPC too), `to-grpc` are
/// spoken, `routes` are there, or several of them.
///
/// # Errors
/// A placeholder is left.
pub(crate) fn fill(template: &str, values: &Values<'_>) -> Result<String> {
    let mut filled = String::with_capacity(template.len());
    for line in template.lines() {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let mut line = line;
        let kept;
        if let Some((condition, rest)) = rest.strip_prefix("{{if ").and_then(|rest| rest.split_once("}}")) {
            if !condition.split(' ').all(|condition| is_so(condition, values)) {
                continue;
            }
            kept = format!("{indent}{rest}");
            line = &kept;
        }
        if line.contains("{{backend}}") {
            for (index, address) in values.backends.iter().enumerate() {
                let named = line.replace("{{name}}", &format!("b{}", index + 1));
                filled.push_str(&named.replace("{{backend}}", &address.to_string()));
                filled.push('\n');
            }
        } else if line.contains("{{route}}") {
            for route in 1..=ROUTES {
                filled.push_str(&line.replace("{{route}}", &route.to_string()));
                filled.push('\n');
            }
        } else {
            filled.push_str(line);
            filled.push('\n');
        }
    }
    for (placeholder, value) in [
        ("{{port}}", values.port.to_string()),
        ("{{workers}}", values.workers.to_string()),
        ("{{connections}}", values.connections.to_string()),
        ("{{files}}", values.files.to_string()),
        ("{{policy}}", values.policy.to_owned()),
        ("{{directory}}", values.directory.display().to_string()),
    ] {
        filled = filled.replace(placeholder, &value);
    }
    if let Some(left) = filled.split("{{").nth(1) {
        bail!("unknown placeholder `{{{{{}`", left.lines().next().unwrap_or_default());
    }
    Ok(filled)
}

fn is_so(condition: &str, values: &Values<'_>) -> bool {
    let speech = values.speech;
    match condition {
        "routes" => values.routes,
        "clear" => !speech.tls,
        "tls" => speech.tls,
        "to-http1" => speech.behind == Behind::Http1,
        "to-tls" => speech.behind == Behind::Tls,
        "to-h2" => speech.behind.is_http2(),
        "to-grpc" => speech.is_grpc(),
        "http1" => !speech.is_http2(),
        "http2" => speech.is_http2(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::contender::{HAPROXY, NGINX, POINTSMAN};

    fn filled(template: &str, backends: &[SocketAddr]) -> Result<String> {
        spoken(Speech::HTTP1, template, backends)
    }

    fn spoken(speech: Speech, template: &str, backends: &[SocketAddr]) -> Result<String> {
        fill(template, &values(speech, backends))
    }

    fn values(speech: Speech, backends: &[SocketAddr]) -> Values<'_> {
        Values {
            port: 8080,
            workers: 2,
            connections: 96,
            files: 4096,
            policy: "ip-hash",
            directory: Path::new("/somewhere"),
            backends,
            speech,
            routes: false,
        }
    }

    fn backends() -> Vec<SocketAddr> {
        [9001, 9002].map(|port| SocketAddr::from(([127, 0, 0, 1], port))).to_vec()
    }

    #[test]
    fn a_line_with_a_backend_is_repeated() {
        let text = filled("a {{port}}\n  {{name}}={{backend}};\nz {{workers}}\n", &backends()).unwrap();
        assert_eq!(text, "a 8080\n  b1=127.0.0.1:9001;\n  b2=127.0.0.1:9002;\nz 2\n");
    }

    #[test]
    fn an_unknown_placeholder_is_an_error() {
        assert!(filled("{{prot}}", &backends()).unwrap_err().to_string().contains("{{prot}}"));
    }

    #[test]
    fn a_line_is_for_what_is_spoken() {
        let template = "  {{if clear}}a\n  {{if tls}}b\n{{if clear http1}}c\n{{if clear http2}}d\n";
        assert_eq!(filled(template, &[]).unwrap(), "  a\nc\n");
        assert_eq!(spoken(Speech::TLS, template, &[]).unwrap(), "  b\n");
    }

    #[test]
    fn all_speak_the_same_version_suite_and_group() {
        for template in [NGINX, HAPROXY, POINTSMAN] {
            let text = spoken(Speech::TLS, template, &backends()).unwrap();
            assert!(text.contains("127.0.0.1:8080"), "{text}");
            assert!(text.contains("1.3"), "{text}");
        }
        for template in [NGINX, HAPROXY] {
            assert!(template.contains("TLS_AES_128_GCM_SHA256") && template.contains("X25519"));
        }
    }

    #[test]
    fn grpc_goes_to_backends_as_each_contender_has_it() {
        for (template, way, other) in [
            (NGINX, "grpc_pass grpc://backends;", "proxy_pass"),
            (HAPROXY, "proto h2\n    server b2", "ssl verify"),
            (POINTSMAN, "\nprotocol = \"h2\"\n", "\ntls = "),
        ] {
            let text = spoken(Speech::grpc(32), template, &backends()).unwrap();
            let text = text.replace(" 127.0.0.1:9001 pool-purge-delay 60s", "");
            assert!(text.contains(way) && !text.contains(other), "{text}");
        }
    }

    #[test]
    fn each_contender_has_every_route_where_there_are_many() {
        for template in [NGINX, HAPROXY, POINTSMAN] {
            let few = filled(template, &backends()).unwrap();
            let many =
                fill(template, &Values { routes: true, ..values(Speech::HTTP1, &backends()) }).unwrap();
            let lines = |text: &str, path: &str| text.lines().filter(|line| line.contains(path)).count();
            assert_eq!(lines(&few, "/site-"), 0, "{few}");
            assert!(
                lines(&many, "/site-") >= ROUTES && lines(&many, &format!("/site-{ROUTES}")) == 1,
                "{many}"
            );
        }
    }

    #[test]
    fn every_template_is_filled_and_names_every_backend() {
        for template in [NGINX, HAPROXY, POINTSMAN] {
            let text = filled(template, &backends()).unwrap();
            assert!(text.contains("127.0.0.1:8080"), "{text}");
            assert!(text.contains("127.0.0.1:9001") && text.contains("127.0.0.1:9002"), "{text}");
        }
    }

    #[test]
    fn every_contender_is_told_to_do_the_same_work() {
        for template in [NGINX, HAPROXY] {
            for field in ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"] {
                assert!(template.contains(field), "{field} is missing in {template}");
            }
        }
        for template in [NGINX, HAPROXY, POINTSMAN] {
            assert!(template.contains("{{workers}}"));
        }
        assert!(NGINX.contains("access_log off") && HAPROXY.contains("no log"));
        assert!(NGINX.contains("keepalive 2048") && HAPROXY.contains("http-reuse always"));
    }
}
