//! Chromium, driven by its DevTools protocol over a pipe.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use harness::wait_until;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a page has complained of.
const COMPLAINTS: [&str; 2] = ["Runtime.exceptionThrown", "Log.entryAdded"];

/// A browser, of whose pages one is driven at a time. It goes away with all of them when it is dropped.
pub(super) struct Browser {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    calls: u64,
    session: Option<String>,
    complaints: Vec<Value>,
    _profile: TempDir,
}

/// A page of a browser.
#[derive(Debug, Clone)]
pub(super) struct Page {
    session: String,
}

impl Browser {
    /// At an empty page; `None` if there is no browser.
    pub(super) fn start() -> Option<Self> {
        let installed = Command::new("chromium").arg("--version").output();
        if installed.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            eprintln!("skipped: chromium isn't installed");
            return None;
        }
        let profile = tempfile::tempdir().expect("a directory");
        // It reads commands from descriptor 3 and writes answers to descriptor 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "chromium"]);
        command.args(["--remote-debugging-pipe", "--headless=new", "--no-sandbox", "--no-proxy-server"]);
        command.args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let output = File::create(profile.path().join("output")).expect("a file");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(output).process_group(0);
        let mut process = command.spawn().expect("a shell");
        let commands = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut browser = Self {
            process,
            commands,
            answers,
            calls: 0,
            session: None,
            complaints: vec![],
            _profile: profile,
        };
        browser.open_page();
        Some(browser)
    }

    /// Opens an empty page beside the others and drives that one. It has a window of its own, as a page behind another one is hidden.
    pub(super) fn open_page(&mut self) -> Page {
        self.session = None;
        let target = self.call("Target.createTarget", json!({ "url": "about:blank", "newWindow": true }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", attach);
        let page = Page { session: session["sessionId"].as_str().expect("a session").to_owned() };
        self.drive(&page);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "DOM.enable"] {
            self.call(domain, json!({}));
        }
        page
    }

    /// Drives this page from now on.
    pub(super) fn drive(&mut self, page: &Page) {
        self.session = Some(page.session.clone());
    }

    /// One command, and what comes of it.
    pub(super) fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut command = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).expect("chromium listens");
        loop {
            let mut message = Vec::new();
            self.answers.read_until(0, &mut message).expect("chromium answers");
            message.pop();
            let mut message: Value = serde_json::from_slice(&message).expect("JSON");
            if COMPLAINTS.iter().any(|complaint| message["method"] == *complaint) {
                self.complaints.push(message["params"].take());
            } else if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
        }
    }

    /// Opens a page of this size.
    pub(super) fn open(&mut self, url: &str, width: u32) {
        self.resize(width);
        self.call("Page.navigate", json!({ "url": url }));
    }

    pub(super) fn resize(&mut self, width: u32) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// What an expression is worth in the page.
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let evaluate = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut result = self.call("Runtime.evaluate", evaluate);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].take()
    }

    /// The text of the first element that a selector finds; empty if there is none.
    pub(super) fn text(&mut self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.textContent ?? ''", json!(selector)));
        text.as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn wait_for_text(&mut self, selector: &str, text: &str) {
        let mut last = String::new();
        wait_until(&format!("`{selector}` says `{text}`"), || {
            last = self.text(selector);
            last.contains(text)
        });
    }

    /// Presses a key, as `KeyboardEvent.key` names it.
    pub(super) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            _ => panic!("no code is known of the key {key}"),
        };
        let mut event = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if key == "Enter" {
            event["text"] = json!("\r");
        }
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", event);
    }

    /// Presses Tab until the focus is on the element whose accessible name is this.
    pub(super) fn tab_to(&mut self, name: &str) {
        let focused = "(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim()";
        for _ in 0..100 {
            self.press("Tab");
            if self.value(focused) == name {
                return;
            }
        }
        panic!("Tab doesn't lead to `{name}`");
    }

    /// What the page has complained of since the last call.
    pub(super) fn complaints(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.complaints)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With all the processes that it has started.
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}
