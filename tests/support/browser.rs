//! A real browser: Chromium without a window, spoken to over its debugging pipe (Chrome DevTools Protocol).
//!
//! In: addresses and clicks. Out: what the page says, how wide it is, pictures of it, and everything that the browser
//! complained about. It resolves no host but this machine, runs no script of a page, and ends with this value.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Chromium reads commands from its third descriptor and answers on its fourth.
const START: &str = r#"exec "$@" 3<"$0/commands" 4>"$0/answers""#;
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const OPTIONS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--hide-scrollbars",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// The size of a window, and the colours that its owner likes.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

/// One window of a running browser. Its calls wait for the browser, so what it looks at has to run on other threads.
pub struct Browser {
    process: Child,
    commands: File,
    answers: BufReader<File>,
    session: Value,
    calls: u64,
    /// What the browser said that nobody asked for.
    events: Vec<Value>,
    _folder: TempDir,
}

impl Browser {
    /// Opens a window in which no script of a page runs.
    pub fn open() -> Browser {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").args([pipe("commands"), pipe("answers")]).status().unwrap().success());
        let mut start = Command::new("sh");
        start.arg("-c").arg(START).arg(folder.path()).arg(program()).args(OPTIONS);
        start.arg(format!("--user-data-dir={}", pipe("profile").display()));
        let process = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Each waits for the other end, in the order in which the shell opens them.
        let commands = OpenOptions::new().write(true).open(pipe("commands")).unwrap();
        let answers = BufReader::new(File::open(pipe("answers")).unwrap());
        let mut browser =
            Browser { process, commands, answers, session: Value::Null, calls: 0, events: Vec::new(), _folder: folder };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        browser.call("Target.setDiscoverTargets", json!({ "discover": true }));
        browser.turn_to(&target);
        browser
    }

    /// Everything from here on is about this window.
    fn turn_to(&mut self, target: &Value) {
        self.session = Value::Null;
        let attach = json!({ "targetId": target, "flatten": true });
        self.session = self.call("Target.attachToTarget", attach)["sessionId"].clone();
        for topic in ["Page.enable", "DOM.enable", "Log.enable"] {
            self.call(topic, json!({}));
        }
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    }

    pub fn show_in(&mut self, window: Window) {
        let size = json!({ "width": window.width, "height": window.height, "deviceScaleFactor": 1, "mobile": window.width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if window.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    pub fn visit(&mut self, address: &str) {
        self.events.clear();
        let visited = self.call("Page.navigate", json!({ "url": address }));
        assert_eq!(visited["errorText"], Value::Null, "{address}");
        self.loaded();
    }

    /// Clicks an element that leads to another page.
    pub fn click(&mut self, selector: &str) {
        self.press(selector);
        self.loaded();
    }

    /// Clicks an element that opens another window, and turns to that.
    pub fn click_to_new_window(&mut self, selector: &str) {
        self.press(selector);
        let window = self.wait_for(|event| {
            event["method"] == "Target.targetCreated" && event["params"]["targetInfo"]["openerId"].is_string()
        });
        self.turn_to(&window["params"]["targetInfo"]["targetId"]);
        // What happened before we looked was not heard.
        self.events.clear();
        self.call("Page.reload", json!({}));
        self.loaded();
    }

    /// Presses and lets go in the middle of the first element of this selector.
    fn press(&mut self, selector: &str) {
        let node = self.find(selector);
        self.call("DOM.scrollIntoViewIfNeeded", json!({ "nodeId": node }));
        let model = self.call("DOM.getBoxModel", json!({ "nodeId": node }))["model"]["content"].clone();
        let middle = |place: usize| (model[place].as_f64().unwrap() + model[place + 4].as_f64().unwrap()) / 2.0;
        self.events.clear();
        for step in ["mousePressed", "mouseReleased"] {
            let click = json!({ "type": step, "x": middle(0), "y": middle(1), "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", click);
        }
    }

    /// The address that the window shows.
    pub fn address(&mut self) -> String {
        let history = self.call("Page.getNavigationHistory", json!({}));
        let entry = history["currentIndex"].as_u64().unwrap() as usize;
        history["entries"][entry]["url"].as_str().unwrap().to_owned()
    }

    /// The HTML of the page.
    pub fn html(&mut self) -> String {
        let node = self.find("html");
        self.call("DOM.getOuterHTML", json!({ "nodeId": node }))["outerHTML"].as_str().unwrap().to_owned()
    }

    /// An attribute of the first element of this selector.
    pub fn attribute(&mut self, selector: &str, name: &str) -> String {
        let node = self.find(selector);
        let attributes = self.call("DOM.getAttributes", json!({ "nodeId": node }))["attributes"].clone();
        let pairs = attributes.as_array().unwrap().chunks(2);
        let found =
            pairs.into_iter().find(|pair| pair[0] == name).unwrap_or_else(|| panic!("{selector} has no {name}"));
        found[1].as_str().unwrap().to_owned()
    }

    /// The width and height that the page takes.
    pub fn size(&mut self) -> (f64, f64) {
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        (size["width"].as_f64().unwrap(), size["height"].as_f64().unwrap())
    }

    /// A picture of the whole page.
    pub fn picture(&mut self, file: &Path) {
        let (width, height) = self.size();
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let taken = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "clip": clip }));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What the browser complained about since the last page was asked for: what a policy forbade, what did not load.
    pub fn complaints(&mut self) -> Vec<String> {
        // A question, so that everything said before its answer has been read.
        self.call("Page.getLayoutMetrics", json!({}));
        let entries = self.events.iter().filter(|event| event["method"] == "Log.entryAdded");
        entries.map(|event| event["params"]["entry"]["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn find(&mut self, selector: &str) -> Value {
        let root = self.call("DOM.getDocument", json!({ "depth": 0 }))["root"]["nodeId"].clone();
        let node = self.call("DOM.querySelector", json!({ "nodeId": root, "selector": selector }))["nodeId"].clone();
        assert_ne!(node, 0, "there is no {selector}");
        node
    }

    fn loaded(&mut self) {
        self.wait_for(|event| event["method"] == "Page.loadEventFired");
    }

    fn wait_for(&mut self, awaited: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(event) = self.events.iter().find(|event| awaited(event)) {
                return event.clone();
            }
            let event = self.read();
            self.events.push(event);
        }
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut command = json!({ "id": self.calls, "method": method, "params": parameters });
        if self.session.is_string() {
            command["sessionId"] = self.session.clone();
        }
        let mut line = command.to_string().into_bytes();
        line.push(0);
        self.commands.write_all(&line).unwrap();
        loop {
            let mut answer = self.read();
            if answer["id"] == self.calls {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.answers.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test machine is known by its environment")]
fn program() -> PathBuf {
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file()).expect("a browser: apt-get install chromium")
}
