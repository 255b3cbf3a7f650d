//! Headless Chromium, driven through chromedriver: one browser for each concurrent test, one tab for each page.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Labels of the grid's rows.
pub const ROW_LABELS: &str = ".line:not(.band) > [role=rowheader]";

/// Labels of the grid's columns.
pub const COLUMN_LABELS: &str = ".label[role=columnheader]";

/// Opens a page, runs a case on it, and asserts that the console shows no errors.
///
/// Without a browser the case is skipped with a message, or fails if `CI` is `true`.
pub fn with_page<Case>(index: &Path, address: &str, case: impl FnOnce(Page) -> Case)
where
    Case: Future<Output = ()> + Send + 'static,
{
    with_screen(Screen::Desk, index, address, case);
}

/// The same on a phone: 390 x 844 pixels, touch.
pub fn with_phone<Case>(index: &Path, address: &str, case: impl FnOnce(Page) -> Case)
where
    Case: Future<Output = ()> + Send + 'static,
{
    with_screen(Screen::Phone, index, address, case);
}

fn with_screen<Case>(screen: Screen, index: &Path, address: &str, case: impl FnOnce(Page) -> Case)
where
    Case: Future<Output = ()> + Send + 'static,
{
    let Some(programs) = Programs::find() else {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "Chromium and chromedriver are needed for these tests");
        eprintln!(
            "SKIPPED: no Chromium with chromedriver was found; install chromium and chromium-driver"
        );
        return;
    };
    let address = format!("file://{}#{address}", index.display());
    RUNTIME.block_on(async {
        let browser = match idle(screen) {
            Some(browser) => browser,
            None => Browser::start(&programs, screen).await,
        };
        let client = &browser.client;
        let tab = client.new_window(true).await.unwrap().handle;
        client.switch_to_window(tab).await.unwrap();
        client.goto(&address).await.unwrap();
        let ready = Locator::Css("body[data-ready]");
        client.wait().for_element(ready).await.unwrap();
        let outcome = tokio::spawn(case(Page(client.clone()))).await;
        let log = client.issue_cmd(BrowserLog).await.unwrap();
        browser.close_tab().await;
        IDLE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(browser);
        if let Err(failure) = outcome {
            std::panic::resume_unwind(failure.into_panic());
        }
        assert_eq!(log, json!([]), "the console holds errors");
    });
}

/// The runtime that drives every browser: a client's connection lives as long as the runtime that made it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Browsers that no test is using.
static IDLE: Mutex<Vec<Browser>> = Mutex::new(Vec::new());

fn idle(screen: Screen) -> Option<Browser> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let index = idle.iter().position(|browser| browser.screen == screen)?;
    Some(idle.swap_remove(index))
}

/// The screen on which a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Desk,
    Phone,
}

impl Screen {
    /// Additional options for Chromium.
    fn options(self) -> Value {
        match self {
            Self::Desk => json!({}),
            Self::Phone => {
                let metrics =
                    json!({ "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true });
                json!({ "mobileEmulation": { "deviceMetrics": metrics } })
            }
        }
    }
}

/// Paths of the programs.
struct Programs {
    driver: PathBuf,
    browser: PathBuf,
}

impl Programs {
    fn find() -> Option<Self> {
        let browsers = ["chromium", "chromium-browser", "google-chrome"];
        Some(Self {
            driver: find("CHROMEDRIVER", &["chromedriver"])?,
            browser: find("CHROMIUM", &browsers)?,
        })
    }
}

fn find(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(path.into());
    }
    let folders: Vec<_> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// A running Chromium.
struct Browser {
    screen: Screen,
    client: Client,
    /// A tab that stays empty, because a browser ends with its last tab.
    first_tab: fantoccini::wd::WindowHandle,
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    async fn start(programs: &Programs, screen: Screen) -> Self {
        let driver = Driver::start(&programs.driver);
        let profile = tempfile::tempdir().unwrap();
        let capabilities = capabilities(&programs.browser, profile.path(), screen.options());
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&driver.url)
            .await
            .unwrap();
        Self {
            screen,
            first_tab: client.window().await.unwrap(),
            client,
            _driver: driver,
            _profile: profile,
        }
    }

    /// Closes the tab of a test and clears what its page has stored.
    async fn close_tab(&self) {
        let forget = "localStorage.clear()";
        // A page whose test failed may be in any state.
        let _ = self.client.execute(forget, Vec::new()).await;
        let _ = self.client.close_window().await;
        let first = self.first_tab.clone();
        self.client.switch_to_window(first).await.unwrap();
    }
}

fn capabilities(browser: &Path, profile: &Path, options: Value) -> Value {
    let mut chrome = json!({
        "binary": browser,
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--window-size=1400,900",
            format!("--user-data-dir={}", profile.display()),
        ],
    });
    chrome
        .as_object_mut()
        .unwrap()
        .extend(options.as_object().unwrap().clone());
    json!({ "goog:chromeOptions": chrome, "goog:loggingPrefs": { "browser": "WARNING" } })
}

/// A chromedriver that ends with the tests, along with its browser: a shell waits for the end of a pipe that only this
/// process holds open, then kills their process group.
struct Driver {
    _shell: Child,
    url: String,
}

impl Driver {
    fn start(path: &Path) -> Self {
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "exec 3<&0; \"$0\" --port=0 </dev/null & read -r _ <&3; kill 0",
            ])
            .arg(path)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .expect("chromedriver names its port");
        Self {
            _shell: shell,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}

/// A command of the browser's own protocol, passed on by chromedriver.
#[derive(Debug)]
struct Devtools(&'static str, Value);

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.0, "params": self.1 });
        (http::Method::POST, Some(body.to_string()))
    }
}

/// The warnings and errors in the browser's console: a command of chromedriver's own.
#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (
            http::Method::POST,
            Some(json!({ "type": "browser" }).to_string()),
        )
    }
}

/// An open page.
pub struct Page(pub Client);

impl Page {
    /// Runs a script and returns its result.
    pub async fn script(&self, script: &str) -> Value {
        self.0.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until an expression is true on the page.
    pub async fn until(&self, expression: &str) {
        for _ in 0..600 {
            if self.script(&format!("return Boolean({expression})")).await == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not become true that {expression}");
    }

    /// Clicks the first element that matches a selector.
    pub async fn click(&self, selector: &str) {
        self.0
            .find(Locator::Css(selector))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
    }

    /// Turns the mouse wheel over a point of the window, down by this many pixels.
    pub async fn wheel(&self, x: u32, y: u32, down: u32) {
        let event = json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": down });
        let turn = Devtools("Input.dispatchMouseEvent", event);
        self.0.issue_cmd(turn).await.unwrap();
    }

    /// Types into the focused element.
    pub async fn press(&self, keys: &str) {
        self.0
            .active_element()
            .await
            .unwrap()
            .send_keys(keys)
            .await
            .unwrap();
    }

    /// Chooses an option of a select element by value.
    pub async fn choose(&self, selector: &str, value: &str) {
        let select = self.0.find(Locator::Css(selector)).await.unwrap();
        select.select_by_value(value).await.unwrap();
    }

    /// The texts of all elements that match a selector.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll({})].map((node) => node.textContent)",
            json!(selector)
        );
        serde_json::from_value(self.script(&script).await).unwrap()
    }

    /// The painted colour beside the middle of an element.
    pub async fn pixel_of(&self, selector: &str) -> [u8; 3] {
        let element = self.0.find(Locator::Css(selector)).await.unwrap();
        let picture = image::load_from_memory(&element.screenshot().await.unwrap()).unwrap();
        let picture = picture.to_rgb8();
        picture
            .get_pixel(picture.width() * 2 / 5, picture.height() / 2)
            .0
    }

    /// The accessibility tree: pairs of role and name.
    pub async fn accessibility_tree(&self) -> Vec<(String, String)> {
        let tree = Devtools("Accessibility.getFullAXTree", json!({}));
        let tree = self.0.issue_cmd(tree).await.unwrap();
        let text =
            |node: &Value, key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
        let nodes = tree["nodes"].as_array().unwrap().iter();
        nodes
            .filter(|node| node["ignored"] != json!(true))
            .map(|node| (text(node, "role"), text(node, "name")))
            .collect()
    }

    /// Reloads the page with its content security policy disabled, so that a test's own scripts can run.
    pub async fn allow_scripts(&self) {
        let bypass = Devtools("Page.setBypassCSP", json!({ "enabled": true }));
        self.0.issue_cmd(bypass).await.unwrap();
        self.0.refresh().await.unwrap();
        self.until("document.body.dataset.ready").await;
    }

    /// Sets the size of the window's content in pixels.
    pub async fn size(&self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let size = Devtools("Emulation.setDeviceMetricsOverride", size);
        self.0.issue_cmd(size).await.unwrap();
    }

    /// Shows the page as for users who prefer dark colours.
    pub async fn darken(&self) {
        let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
        let media = Devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
        self.0.issue_cmd(media).await.unwrap();
    }

    /// The part of the address after `#`.
    pub async fn hash(&self) -> String {
        self.script("return location.hash.slice(1)")
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }
}
