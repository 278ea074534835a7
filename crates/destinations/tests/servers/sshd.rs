//! OpenSSH's server, started for a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Sshd {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    child: Option<std::process::Child>,
    options: Vec<&'static str>,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn make_key(path: &Path, kind: &str, passphrase: &str) {
    run("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-C", "", "-f", path.to_str().unwrap()]);
}

impl Sshd {
    /// A server with keys of every kind, which lets in whoever has the key `user`.
    pub(crate) async fn start(options: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for kind in ["ed25519", "ecdsa", "rsa"] {
            make_key(&folder.path().join(format!("host_{kind}")), kind, "");
        }
        make_key(&folder.path().join("user"), "ed25519", "");
        std::fs::copy(folder.path().join("user.pub"), folder.path().join("authorized")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let mut server = Self { port, folder, child: None, options: options.to_vec() };
        server.restart().await;
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets another key in.
    pub(crate) fn authorize(&self, public: &Path) {
        let both = [std::fs::read(self.path("authorized")).unwrap(), std::fs::read(public).unwrap()].concat();
        std::fs::write(self.path("authorized"), both).unwrap();
    }

    pub(crate) async fn restart(&mut self) {
        // The server wants this folder where it runs as root.
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &self.port.to_string()]);
        for kind in ["ed25519", "ecdsa", "rsa"] {
            command.arg("-h").arg(self.path(&format!("host_{kind}")));
        }
        let keys = format!("AuthorizedKeysFile={}", self.path("authorized").display());
        let fixed =
            ["ListenAddress=127.0.0.1", "StrictModes=no", "UsePAM=no", "PidFile=none", "PermitRootLogin=yes", &keys];
        let has_sftp = self.options.iter().any(|option| option.starts_with("Subsystem"));
        let sftp = if has_sftp { None } else { Some("Subsystem=sftp internal-sftp") };
        for option in fixed.into_iter().chain(self.options.iter().copied()).chain(sftp) {
            command.args(["-o", option]);
        }
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the server and every connection that it serves, at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill_below(child.id());
            let _ = child.wait();
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn fingerprint(&self, kind: &str) -> String {
        let path = self.path(&format!("host_{kind}.pub"));
        run("ssh-keygen", &["-l", "-f", path.to_str().unwrap()]).split(' ').nth(1).unwrap().to_owned()
    }
}

/// Kills a process and all that it has started.
pub(crate) fn kill_below(process: u32) {
    let mut doomed = vec![process];
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let process = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect();
    let mut next = 0;
    while let Some(parent) = doomed.get(next).copied() {
        doomed.extend(parents.iter().filter(|(_, found)| *found == parent).map(|(process, _)| *process));
        next += 1;
    }
    let doomed: Vec<String> = doomed.iter().map(u32::to_string).collect();
    let _ = Command::new("kill").arg("-9").args(doomed).status();
}

pub(crate) fn user() -> String {
    run("id", &["-un"])
}
