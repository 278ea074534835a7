//! Azurite, Microsoft's stand-in for Azure Blob Storage, started for a test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;
use tokio::net::TcpListener;

const VERSION: &str = "3.35.0";
pub(crate) const ACCOUNT: &str = "acmefeeds";
pub(crate) const KEY: &str = "Z2VoZWltLWdlaGVpbS1nZWhlaW0tZ2VoZWltLWdlaGVpbQ==";

/// Installed once, below the folder that Cargo builds into by default.
fn installed() -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let install = || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/azurite");
        let program = folder.join("node_modules/azurite/dist/src/blob/main.js");
        if !program.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--silent", "--prefix"]).arg(&folder);
            let status = npm.arg(format!("azurite@{VERSION}")).status().unwrap();
            assert!(status.success(), "npm could not install Azurite");
        }
        program
    };
    INSTALLED.get_or_init(install).clone()
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Azurite {
    pub(crate) port: u16,
    folder: TempDir,
    child: Child,
}

impl Azurite {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let child = run(&folder, port).await;
        Self { port, folder, child }
    }

    /// Ends it at once, without a chance to tidy up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) async fn restart(&mut self) {
        self.child = run(&self.folder, self.port).await;
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    pub(crate) fn connection_string(&self, key: &str) -> String {
        format!("AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={}", self.endpoint())
    }

    /// A signature for the account: `permissions` on blobs, until 2036.
    pub(crate) fn sas(permissions: &str) -> String {
        let to_sign = format!(
            "{ACCOUNT}\n{permissions}\nb\nco\n2020-01-01T00:00:00Z\n2036-01-01T00:00:00Z\n\nhttps,http\n2020-10-02\n"
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(KEY).unwrap()).unwrap();
        mac.update(to_sign.as_bytes());
        let signature =
            STANDARD.encode(mac.finalize().into_bytes()).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!(
            "sv=2020-10-02&ss=b&srt=co&sp={permissions}&st=2020-01-01T00:00:00Z&se=2036-01-01T00:00:00Z&spr=https,http&sig={signature}"
        )
    }
}

async fn run(folder: &TempDir, port: u16) -> Child {
    let mut node = Command::new("node");
    node.arg(installed()).arg("--location").arg(folder.path());
    node.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--silent", "--skipApiVersionCheck"]);
    node.args(["--disableTelemetry"]);
    node.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}")).stdout(Stdio::null());
    let child = node.spawn().unwrap();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    child
}
