//! A headless Chromium that opens one page, driven through chromedriver.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// Labels of the grid's rows.
pub const ROW_LABELS: &str = ".line:not(.band) > [role=rowheader]";

/// Labels of the grid's columns.
pub const COLUMN_LABELS: &str = ".label[role=columnheader]";

/// Opens a page, runs a case on it, and demands that the console has stayed free of errors.
///
/// Without a browser the case is skipped, said aloud; where `CI` is `true` it fails.
pub fn with_page<Case>(index: &Path, address: &str, case: impl FnOnce(Page) -> Case)
where
    Case: Future<Output = ()> + Send + 'static,
{
    with_window(index, address, json!({}), case);
}

/// The same on a phone: 390 x 844 pixels, touch.
pub fn with_phone<Case>(index: &Path, address: &str, case: impl FnOnce(Page) -> Case)
where
    Case: Future<Output = ()> + Send + 'static,
{
    let metrics = json!({ "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true });
    with_window(
        index,
        address,
        json!({ "mobileEmulation": { "deviceMetrics": metrics } }),
        case,
    );
}

fn with_window<Case>(index: &Path, address: &str, options: Value, case: impl FnOnce(Page) -> Case)
where
    Case: Future<Output = ()> + Send + 'static,
{
    let (Some(driver), Some(browser)) = (
        find("CHROMEDRIVER", &["chromedriver"]),
        find(
            "CHROMIUM",
            &["chromium", "chromium-browser", "google-chrome"],
        ),
    ) else {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "Chromium and chromedriver are needed for these tests");
        eprintln!(
            "SKIPPED: no Chromium with chromedriver was found; install chromium and chromium-driver"
        );
        return;
    };
    let driver = Driver::start(&driver);
    let profile = tempfile::tempdir().unwrap();
    let capabilities = capabilities(&browser, profile.path(), options);
    let address = format!("file://{}#{address}", index.display());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&driver.url)
            .await
            .unwrap();
        client.goto(&address).await.unwrap();
        client
            .wait()
            .for_element(Locator::Css("body[data-ready]"))
            .await
            .unwrap();
        // The browser is closed whatever the case's end, or it would outlive the test.
        let outcome = tokio::spawn(case(Page(client.clone()))).await;
        let log = client.issue_cmd(BrowserLog).await.unwrap();
        client.close().await.unwrap();
        if let Err(failure) = outcome {
            std::panic::resume_unwind(failure.into_panic());
        }
        assert_eq!(log, json!([]), "the console holds errors");
    });
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

/// A chromedriver that ends with the test.
struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    fn start(path: &Path) -> Self {
        let mut process = Command::new(path)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| {
                Some(
                    line.split_once("started successfully on port ")?
                        .1
                        .trim_end_matches('.')
                        .to_owned(),
                )
            })
            .expect("chromedriver names its port");
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
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

/// What the browser's console holds, warnings and worse: a command of chromedriver's own.
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
    /// Runs a script and returns what it returns.
    pub async fn script(&self, script: &str) -> Value {
        self.0.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until an expression of the page is true.
    pub async fn until(&self, expression: &str) {
        for _ in 0..600 {
            if self.script(&format!("return Boolean({expression})")).await == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not become true that {expression}");
    }

    /// Clicks the first element of a selector.
    pub async fn click(&self, selector: &str) {
        self.0
            .find(Locator::Css(selector))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
    }

    /// Turns the wheel over a point of the window, down by so many pixels.
    pub async fn wheel(&self, x: u32, y: u32, down: u32) {
        let event = json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": down });
        let turn = Devtools("Input.dispatchMouseEvent", event);
        self.0.issue_cmd(turn).await.unwrap();
    }

    /// Types into the element that has the focus.
    pub async fn press(&self, keys: &str) {
        self.0
            .active_element()
            .await
            .unwrap()
            .send_keys(keys)
            .await
            .unwrap();
    }

    /// Chooses an option of a select by its value.
    pub async fn choose(&self, selector: &str, value: &str) {
        let select = self.0.find(Locator::Css(selector)).await.unwrap();
        select.select_by_value(value).await.unwrap();
    }

    /// The texts of all elements of a selector.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll({})].map((node) => node.textContent)",
            json!(selector)
        );
        serde_json::from_value(self.script(&script).await).unwrap()
    }

    /// The colour, as it is painted, beside the middle of an element.
    pub async fn pixel_of(&self, selector: &str) -> [u8; 3] {
        let element = self.0.find(Locator::Css(selector)).await.unwrap();
        let picture = image::load_from_memory(&element.screenshot().await.unwrap()).unwrap();
        let picture = picture.to_rgb8();
        picture
            .get_pixel(picture.width() * 2 / 5, picture.height() / 2)
            .0
    }

    /// What assistive technology is told of: pairs of role and name.
    pub async fn told(&self) -> Vec<(String, String)> {
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

    /// Shows the page as it is where the user prefers dark colours.
    pub async fn darken(&self) {
        let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
        let media = Devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
        self.0.issue_cmd(media).await.unwrap();
    }

    /// The address behind the `#`.
    pub async fn hash(&self) -> String {
        self.script("return location.hash.slice(1)")
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }
}
