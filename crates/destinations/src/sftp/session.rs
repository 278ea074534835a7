//! A connection to an SFTP server whose key is the pinned one.

use futures::future::Either;
use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{
    Algorithm, EcdsaCurve, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key,
};
use russh::{ChannelMsg, MethodKind, Preferred};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::FileAttributes;
use russh_sftp::protocol::{OpenFlags, Packet, StatusCode};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::compat::FuturesAsyncReadCompatExt as _;
use waybill_domain::{DestinationSecrets, HostKeyFingerprint, SftpConfig, SftpLogin};
use waybill_ports::{DestinationError, OutgoingTcp};

/// The extension of OpenSSH that replaces a file by another at once.
const POSIX_RENAME: &str = "posix-rename@openssh.com";

const SILENT: &str = "no answer for too long";

/// A session.
pub(super) struct Session {
    pub(super) sftp: RawSftpSession,
    pub(super) has_posix_rename: bool,
    /// The SFTP channel lives as long as its connection.
    _connection: Handle<HostKey>,
}

/// Looks at the server's key: the pinned one, or none.
struct HostKey {
    pinned: Option<HostKeyFingerprint>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl client::Handler for HostKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let found = key.fingerprint(HashAlg::Sha256).to_string();
        let is_pinned = self.pinned.as_ref().is_some_and(|pinned| pinned.to_string() == found);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        Ok(is_pinned)
    }
}

/// Kinds of host keys. A server shows one of several keys, and not always the one that was pinned: each kind is asked for.
const KEY_KINDS: [&[Algorithm]; 2] = [
    &[Algorithm::Ed25519],
    &[
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    ],
];

impl Session {
    pub(super) async fn open(
        config: &SftpConfig,
        secrets: &DestinationSecrets,
        tcp: &dyn OutgoingTcp,
        silence: Duration,
    ) -> Result<Self, DestinationError> {
        // A key that cannot be read needs no connection.
        let proof = proof(config, secrets)?;
        let mut connection = connect(config, tcp, silence).await?;
        let late = |_| unavailable(config, SILENT);
        timeout(silence, log_in(config, &mut connection, proof)).await.map_err(late)??;
        let broken = |_| unavailable(config, "the connection broke");
        let opening = async {
            let mut channel = connection.channel_open_session().await.map_err(broken)?;
            channel.request_subsystem(true, "sftp").await.map_err(broken)?;
            loop {
                match channel.wait().await {
                    Some(ChannelMsg::Success) => break,
                    Some(ChannelMsg::Failure) => return Err(no_sftp(config)),
                    Some(_) => {}
                    None => return Err(unavailable(config, "the connection broke")),
                }
            }
            let sftp = RawSftpSession::new(channel.into_stream());
            sftp.set_timeout(silence.as_secs().max(1));
            let version = sftp.init().await.map_err(|_| no_sftp(config))?;
            Ok::<_, DestinationError>((sftp, version.extensions.contains_key(POSIX_RENAME)))
        };
        let (sftp, has_posix_rename) = timeout(silence, opening).await.map_err(late)??;
        Ok(Self { sftp, has_posix_rename, _connection: connection })
    }

    /// How long a file is, or any number for a folder; `None` where there is nothing.
    pub(super) async fn size(&self, path: &str) -> Result<Option<u64>, DestinationError> {
        match self.sftp.stat(path).await {
            Ok(found) => Ok(Some(found.attrs.size.unwrap_or(0))),
            Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
            Err(error) => Err(Self::failed(&error, path)),
        }
    }

    pub(super) async fn posix_rename(&self, from: &str, to: &str) -> Result<(), SftpError> {
        let mut data = Vec::new();
        for text in [from, to] {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(text.as_bytes());
        }
        match self.sftp.extended(POSIX_RENAME, data).await? {
            Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
            Packet::Status(status) => Err(SftpError::Status(status)),
            _ => Err(SftpError::UnexpectedPacket),
        }
    }

    /// A few bytes of a file; `None` when it cannot be read.
    pub(super) async fn read_small(&self, path: &str) -> Option<Vec<u8>> {
        let handle = self.sftp.open(path, OpenFlags::READ, FileAttributes::empty()).await.ok()?.handle;
        let data = self.sftp.read(&handle, 0, 1024).await.ok();
        let _ = self.sftp.close(handle).await;
        data.map(|data| data.data)
    }

    /// What it means that a folder could not be made for `place`.
    pub(super) fn not_made(error: &SftpError, folder: &str, place: &str) -> DestinationError {
        let words = |why: &str| format!("the folder {folder} for {place} is not there and cannot be made: {why}");
        match error {
            SftpError::Status(status) => match status.status_code {
                StatusCode::PermissionDenied => DestinationError::Refused(words("the user may not")),
                StatusCode::OpUnsupported => DestinationError::Refused(words("the server makes no folders")),
                StatusCode::NoSuchFile => DestinationError::NotFound(words("what it would lie in is not there")),
                _ => DestinationError::Unavailable(words("is there a file of that name, or is the disk full?")),
            },
            _ => Self::failed(error, place),
        }
    }

    /// What a failed request means; `place` is what it was about.
    pub(super) fn failed(error: &SftpError, place: &str) -> DestinationError {
        match error {
            SftpError::Status(status) => match status.status_code {
                StatusCode::PermissionDenied => {
                    DestinationError::Refused(format!("permission denied on {place}: the user may not write there"))
                }
                StatusCode::NoSuchFile => DestinationError::NotFound(format!("{place} is not there")),
                StatusCode::OpUnsupported => {
                    DestinationError::Refused(format!("the server cannot do this with {place}"))
                }
                // The protocol knows no more exact word for a full disk, which somebody will empty.
                _ => DestinationError::Unavailable(format!(
                    "the server failed on {place}: is its disk full, or something in the way?"
                )),
            },
            SftpError::Timeout => {
                DestinationError::Unavailable(format!("no answer for too long while {place} was written"))
            }
            SftpError::IO(_)
            | SftpError::Limited(_)
            | SftpError::UnexpectedPacket
            | SftpError::UnexpectedBehavior(_) => {
                DestinationError::Unavailable(format!("the connection broke while {place} was written"))
            }
        }
    }
}

fn no_sftp(config: &SftpConfig) -> DestinationError {
    DestinationError::Refused(format!("{} lets {} in, but offers no SFTP", config.host, config.username))
}

fn unavailable(config: &SftpConfig, what: &str) -> DestinationError {
    DestinationError::Unavailable(format!("{} on port {}: {what}", config.host, config.port))
}

async fn connect(
    config: &SftpConfig,
    tcp: &dyn OutgoingTcp,
    silence: Duration,
) -> Result<Handle<HostKey>, DestinationError> {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    for kinds in KEY_KINDS {
        let preferred = Preferred { key: Cow::Borrowed(kinds), ..Preferred::default() };
        let settings = client::Config { preferred, inactivity_timeout: Some(silence), ..client::Config::default() };
        let socket = tcp.connect(&config.host, config.port).await?;
        let handler = HostKey { pinned: config.host_key_fingerprint.clone(), seen: seen.clone() };
        let connecting = client::connect_stream(Arc::new(settings), socket.compat(), handler);
        let connected = timeout(silence, connecting).await.map_err(|_| unavailable(config, SILENT))?;
        match connected {
            Ok(connection) => return Ok(connection),
            // The next kind may be the pinned one, or one that the server has.
            Err(russh::Error::UnknownKey | russh::Error::NoCommonAlgo { .. }) => {}
            Err(_) => return Err(unavailable(config, "what answers does not speak SSH, or closed the connection")),
        }
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).join(", ");
    let host = &config.host;
    if seen.is_empty() {
        return Err(DestinationError::Refused(format!("{host} has no host key of the kinds Ed25519 and ECDSA")));
    }
    Err(DestinationError::HostKeyMismatch(match &config.host_key_fingerprint {
        Some(pinned) => format!(
            "{host} shows {seen}, but {pinned} is pinned: either its key was changed, which its operator can tell, or this is another server. Nothing was sent"
        ),
        None => format!(
            "{host} shows {seen}, and no hostKeyFingerprint is set: ask its operator whether that is its key, and set it. Nothing was sent"
        ),
    }))
}

type Proof = Either<String, PrivateKey>;

fn proof(config: &SftpConfig, secrets: &DestinationSecrets) -> Result<Proof, DestinationError> {
    match config.login {
        SftpLogin::Password => Ok(Either::Left(secrets.get(SftpConfig::PASSWORD).unwrap_or_default().to_owned())),
        SftpLogin::PrivateKey { .. } => {
            let text = secrets.get(SftpConfig::PRIVATE_KEY).unwrap_or_default();
            let key = decode_secret_key(text, secrets.get(SftpConfig::PASSPHRASE)).map_err(|_| {
                let words = "the private key cannot be read: it is damaged, of another kind than Ed25519 and ECDSA, or the passphrase is missing or wrong";
                DestinationError::BadCredentials(words.to_owned())
            })?;
            if key.algorithm().is_rsa() {
                let words =
                    "the private key is an RSA key: give one of the kinds Ed25519 and ECDSA (`ssh-keygen -t ed25519`)";
                return Err(DestinationError::BadCredentials(words.to_owned()));
            }
            Ok(Either::Right(key))
        }
    }
}

async fn log_in(config: &SftpConfig, connection: &mut Handle<HostKey>, proof: Proof) -> Result<(), DestinationError> {
    let broken = |_| unavailable(config, "the connection broke during the login");
    let user = &config.username;
    let outcome = match proof {
        Either::Left(password) => {
            let outcome = connection.authenticate_password(user, &password).await.map_err(broken)?;
            match &outcome {
                AuthResult::Failure { remaining_methods, .. }
                    if remaining_methods.contains(&MethodKind::KeyboardInteractive) =>
                {
                    return answer_prompts(config, connection, &password).await;
                }
                _ => outcome,
            }
        }
        Either::Right(key) => {
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
            connection.authenticate_publickey(user, key).await.map_err(broken)?
        }
    };
    if outcome.success() { Ok(()) } else { Err(not_believed(config)) }
}

fn not_believed(config: &SftpConfig) -> DestinationError {
    let what = match config.login {
        SftpLogin::Password => "password",
        SftpLogin::PrivateKey { .. } => "private key",
    };
    DestinationError::BadCredentials(format!("{} does not let {} in with this {what}", config.host, config.username))
}

/// Servers that ask for the password by a prompt.
async fn answer_prompts(
    config: &SftpConfig,
    connection: &mut Handle<HostKey>,
    password: &str,
) -> Result<(), DestinationError> {
    let broken = |_| unavailable(config, "the connection broke during the login");
    let started = connection.authenticate_keyboard_interactive_start(&config.username, None).await;
    let mut answer = started.map_err(broken)?;
    for _ in 0..3 {
        match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(()),
            KeyboardInteractiveAuthResponse::Failure { .. } => break,
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let answers = prompts.iter().map(|_| password.to_owned()).collect();
                let responded = connection.authenticate_keyboard_interactive_respond(answers).await;
                answer = responded.map_err(broken)?;
            }
        }
    }
    match answer {
        KeyboardInteractiveAuthResponse::Success => Ok(()),
        _ => Err(not_believed(config)),
    }
}
