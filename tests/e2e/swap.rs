//! Plugin files that change while requests flow.

mod file_changes;
mod races;
mod refused;
mod under_load;
mod unseen;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use harness::{Backend, LogLine, Proxy, constant, version, wait_until};
use tempfile::TempDir;

/// The ways in which files change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    InPlace,
    RenameOver,
    /// As Kubernetes does it: the file is a symlink through `..data`, which is another symlink to a folder.
    SymlinkSwitch,
    DeleteThenCreate,
}

impl Change {
    pub(crate) const ALL: [Self; 4] =
        [Self::InPlace, Self::RenameOver, Self::SymlinkSwitch, Self::DeleteThenCreate];

    /// Gives the file this content. `revision` is another one each time.
    pub(crate) fn make(self, file: &Path, content: &[u8], revision: u32) {
        match self {
            Self::InPlace => fs::write(file, content).expect("the file is written"),
            Self::RenameOver => rename_over(file, content),
            Self::SymlinkSwitch => switch_symlink(file, content, revision),
            Self::DeleteThenCreate => {
                // At first it isn't there.
                let _ = fs::remove_file(file);
                fs::write(file, content).expect("the file is written");
            }
        }
    }
}

fn rename_over(file: &Path, content: &[u8]) {
    let next = file.with_extension("next");
    fs::write(&next, content).expect("a file beside it");
    fs::rename(next, file).expect("the file is replaced");
}

fn switch_symlink(file: &Path, content: &[u8], revision: u32) {
    let (folder, name) = (file.parent().expect("a folder"), file.file_name().expect("a name"));
    let (link, next) = (folder.join("..data"), folder.join("..data_tmp"));
    let before = fs::read_link(&link).ok();
    let data = PathBuf::from(format!("..v{revision}"));
    fs::create_dir(folder.join(&data)).expect("a folder for the version");
    fs::write(folder.join(&data).join(name), content).expect("the file is written");
    symlink(&data, &next).expect("a symlink to the version");
    fs::rename(&next, &link).expect("the symlink is replaced");
    if !file.is_symlink() {
        symlink(Path::new("..data").join(name), &next).expect("the symlink that users see");
        fs::rename(&next, file).expect("it takes the file's place");
    }
    if let Some(before) = before {
        fs::remove_dir_all(folder.join(before)).expect("the old version goes");
    }
}

/// A proxy whose pool `test` follows a file, and whose pool `other` follows another one beside it.
struct Scene {
    proxy: Proxy,
    /// Answer with the number of their place.
    backends: [Backend; 3],
    file: PathBuf,
    bystander: PathBuf,
    looks: u32,
}

impl Scene {
    /// Pool `test` follows `p.wasm`, which has this content.
    fn new(content: &[u8]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("p.wasm"), content).expect("a plugin");
        Self::start(directory, "", "{ file = \"p.wasm\" }", "p.wasm")
    }

    fn start(directory: TempDir, top: &str, policy: &str, file: &str) -> Self {
        let backends = ["0", "1", "2"].map(Backend::named);
        let addresses: Vec<String> =
            backends.iter().map(|backend| format!("\"{}\"", backend.address())).collect();
        let addresses = addresses.join(", ");
        rename_over(&directory.path().join("bystander.wasm"), &constant(0, 1_000));
        let config = format!(
            "workers = 2\n{top}\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
             keepalive_requests = 1000000000\n\
             [[route]]\npath = \"/other/\"\npool = \"other\"\n[[route]]\npool = \"test\"\n\
             [pool.test]\npolicy = {policy}\nbackends = [{addresses}]\n\
             [pool.other]\npolicy = {{ file = \"bystander.wasm\" }}\nbackends = [{addresses}]\n"
        );
        let proxy = Proxy::start_in(directory, &config);
        let (file, bystander) = (proxy.path(file), proxy.path("bystander.wasm"));
        Self { proxy, backends, file, bystander, looks: 0 }
    }

    /// Who serves a request on a new connection.
    fn serves(&self) -> String {
        self.proxy.client().get("/").text()
    }

    /// The swaps of pool `test` so far: from which version to which.
    fn swaps(&self) -> Vec<(String, String)> {
        let swaps = self.proxy.log.events("policy-swapped").into_iter();
        let field = |line: &LogLine, name| line.field(name).expect("a version").to_owned();
        let of_test = swaps.filter(|line| line.field("pool") == Some("test"));
        of_test.map(|line| (field(&line, "from"), field(&line, "to"))).collect()
    }

    /// Waits until the last swap of pool `test` led to this content, and checks that it serves as this backend.
    fn wait_for_swap(&self, content: &[u8], backend: &str) {
        let to = version(content);
        wait_until(&format!("{to} is swapped in"), || {
            self.swaps().last().is_some_and(|(_, last)| *last == to)
        });
        assert_eq!(self.serves(), backend);
    }

    /// When this returns, the proxy has looked at everything that had been done to files before, and has done what
    /// it was going to do about it.
    fn wait_for_a_look(&mut self) {
        // The proxy looks at both files each time, first at that of pool `test`. The first of the two swaps may belong
        // to a look that had begun already.
        for _ in 0..2 {
            self.looks += 1;
            rename_over(&self.bystander, &constant(0, 1_000 + self.looks));
            let of_bystander = |line: &LogLine| line.field("pool") == Some("other");
            self.proxy.log.wait_where_many("policy-swapped", self.looks as usize, of_bystander);
        }
    }

    /// That pool `test` went through these contents, one swap each, and nothing was wrong.
    fn assert_history(&self, contents: &[&[u8]]) {
        let versions: Vec<String> = contents.iter().map(|content| version(content)).collect();
        let steps: Vec<(String, String)> =
            versions.iter().cloned().zip(versions.iter().skip(1).cloned()).collect();
        assert_eq!(self.swaps(), steps);
        assert_eq!(self.proxy.log.errors(), []);
    }
}
