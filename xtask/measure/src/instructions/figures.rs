//! The figures on record, in tests/bench/instructions.toml.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::steps::Counted;
use crate::cargo;

/// So much more is an accident of the compiler's; anything above is meant or a mistake.
pub(crate) const TOLERANCE_PERCENT: u64 = 3;

const HEAD: &str = "# Instructions in user mode that a request costs, by policy, or by what the client speaks (with round-robin), or by the format of an access log\n\
    # (with round-robin; the others have none), how many of them are the policy's own, and how many system calls it makes.\n\
    # Counted and written by `cargo xtask instructions --record`; `cargo xtask test --all` fails if instructions grow by more than 3 %, or calls at all.\n\n";

/// What every policy costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Figures {
    /// What the instructions depend on beside the sources: the compiler, the C library, and what the processor offers to both.
    made_with: String,
    policy: BTreeMap<String, Counted>,
}

/// What the figures are beside those on record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same, within the tolerance.
    Same,
    /// So they are fewer.
    Shrunk(String),
    /// So they are more.
    Grown(String),
    /// Those on record were made with this, and can't be compared.
    MadeWithOther(String),
}

impl Figures {
    /// Figures of this machine and its compiler.
    pub(crate) fn of(counted: Vec<(&str, Counted)>) -> Result<Self> {
        let policy = counted.into_iter().map(|(policy, counted)| (policy.to_owned(), counted)).collect();
        Ok(Self { made_with: made_with()?, policy })
    }

    /// Those on record.
    pub(crate) fn read() -> Result<Self> {
        let file = file();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        toml::from_str(&text).with_context(|| format!("cannot understand {}", file.display()))
    }

    /// Puts these on record.
    pub(crate) fn write(&self) -> Result<()> {
        let file = file();
        let text = HEAD.to_owned() + &toml::to_string(self)?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("written to {}", file.display());
        Ok(())
    }

    /// Holds these against those on record.
    pub(crate) fn against(&self, recorded: &Self) -> Verdict {
        if self.made_with != recorded.made_with {
            return Verdict::MadeWithOther(recorded.made_with.clone());
        }
        let (mut grown, mut shrunk) = (Vec::new(), Vec::new());
        for (policy, now) in &self.policy {
            let Some(before) = recorded.policy.get(policy) else {
                grown
                    .push(format!("{policy}: {} instructions a request, and nothing on record", now.request));
                continue;
            };
            if now.calls > before.calls {
                grown.push(format!(
                    "{policy}: {} system calls a request, on record {}",
                    now.calls, before.calls
                ));
            } else if now.calls < before.calls {
                shrunk.push(format!(
                    "{policy}: {} system calls a request, on record {}",
                    now.calls, before.calls
                ));
            }
            for (what, now, before) in
                [("a request", now.request, before.request), ("in the guest", now.guest, before.guest)]
            {
                let line = || format!("{policy}: {now} instructions {what}, on record {before}");
                if now * 100 > before * (100 + TOLERANCE_PERCENT) {
                    grown.push(line());
                } else if now * (100 + TOLERANCE_PERCENT) < before * 100 {
                    shrunk.push(line());
                }
            }
        }
        match (grown.is_empty(), shrunk.is_empty()) {
            (false, _) => Verdict::Grown(grown.join("\n")),
            (true, false) => Verdict::Shrunk(shrunk.join("\n")),
            (true, true) => Verdict::Same,
        }
    }
}

/// Compiler, C library and processor, in one line.
fn made_with() -> Result<String> {
    let rustc = cargo::ask_rustc(&["--version"])?;
    let libc = Command::new("getconf").arg("GNU_LIBC_VERSION").output().context("cannot run `getconf`")?;
    let libc = String::from_utf8_lossy(&libc.stdout);
    let processor = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
    Ok(format!("{}, {}, {}", rustc.trim(), libc.trim(), features(&processor)))
}

/// What libraries choose their code by; the C library's choice is made by [`C_LIBRARY`](super::proxy::C_LIBRARY).
fn features(processor: &str) -> String {
    let flags = processor.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |feature: &&str| flags.split_whitespace().any(|flag| flag == *feature);
    let features = ["sse4_2", "avx2", "bmi2", "fma"];
    features.into_iter().filter(has).collect::<Vec<_>>().join(" ")
}

fn file() -> PathBuf {
    PathBuf::from(cargo::ROOT).join("tests/bench/instructions.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(made_with: &str, request: u64, guest: u64) -> Figures {
        let policy = [("round-robin".to_owned(), Counted { request, guest, calls: 9 })].into();
        Figures { made_with: made_with.to_owned(), policy }
    }

    #[test]
    fn what_grows_by_more_than_the_tolerance_is_told() {
        let recorded = figures("a", 10_000, 100);
        let against = |request, guest| figures("a", request, guest).against(&recorded);
        assert_eq!(against(10_000, 100), Verdict::Same);
        assert_eq!(against(10_300, 103), Verdict::Same);
        let Verdict::Grown(what) = against(10_301, 100) else { panic!("not grown") };
        assert_eq!(what, "round-robin: 10301 instructions a request, on record 10000");
        assert!(matches!(against(9_000, 104), Verdict::Grown(_)), "a slower guest isn't made up for");
        assert!(matches!(against(9_000, 100), Verdict::Shrunk(_)));
        assert_eq!(figures("b", 20_000, 1).against(&recorded), Verdict::MadeWithOther("a".to_owned()));
        let mut called = figures("a", 10_000, 100);
        called.policy.values_mut().for_each(|counted| counted.calls += 1);
        let Verdict::Grown(what) = called.against(&recorded) else { panic!("not grown") };
        assert_eq!(what, "round-robin: 10 system calls a request, on record 9");
        let nothing = Figures { made_with: "a".to_owned(), policy: BTreeMap::new() };
        assert!(
            matches!(figures("a", 1, 1).against(&nothing), Verdict::Grown(_)),
            "a new policy goes on record"
        );
    }

    #[test]
    fn a_processor_is_known_by_what_code_is_chosen_by() {
        let processor = "processor\t: 0\nflags\t\t: fpu sse4_2 avx2 avx512bwx erms\nbugs\t: fsrm\n";
        assert_eq!(features(processor), "sse4_2 avx2");
    }
}
