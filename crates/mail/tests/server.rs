//! What a server of SMTP is told.

#![expect(clippy::unwrap_used, reason = "a broken server fails the test")]

use secrecy::SecretString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;
use waybill_mail::SmtpMailer;
use waybill_ports::{Mail, MailError, Mailer as _};

/// A server that serves one connection: what it was told, each line. It answers a line that begins with `answer.0` with `answer.1`.
fn server(answer: (&'static str, &'static str)) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
        let (mut told, mut in_data) = (Vec::new(), false);
        socket.write_all(b"220 mail.example.com\r\n").unwrap();
        while let Some(Ok(line)) = lines.next() {
            told.push(line.clone());
            let reply = match line.as_str() {
                "." => {
                    in_data = false;
                    "250 taken"
                }
                _ if in_data => continue,
                line if line.starts_with(answer.0) => answer.1,
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                _ => "250 mail.example.com",
            };
            socket.write_all(format!("{reply}\r\n").as_bytes()).unwrap();
            if line == "QUIT" {
                break;
            }
        }
        told
    });
    (url, thread)
}

fn mail() -> Mail {
    Mail {
        id: "5f-s0".to_owned(),
        to: "ann@example.com".parse().unwrap(),
        subject: "Your export “Größen” is ready\r\nBcc: eve@example.com".to_owned(),
        text: "It is ready.".to_owned(),
        html: "<p>It is <b>ready</b>.</p>".to_owned(),
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_plain_and_as_html_and_its_subject_is_one_line() {
    let (url, thread) = server(("-", ""));
    let mailer = SmtpMailer::new(&SecretString::from(url), "Exports <exports@example.com>").unwrap();
    mailer.send(&mail()).await.unwrap();
    drop(mailer);
    let told = thread.join().unwrap();
    let has = |text: &str| told.iter().any(|line| line.contains(text));
    assert!(has("MAIL FROM:<exports@example.com>") && has("RCPT TO:<ann@example.com>"), "{told:#?}");
    assert!(has("multipart/alternative") && has("It is ready.") && has("<p>It is <b>ready</b>.</p>"), "{told:#?}");
    assert!(has("Message-ID: <5f-s0@example.com>"), "{told:#?}");
    assert!(!told.iter().any(|line| line.starts_with("Bcc")) && !has("RCPT TO:<eve"), "{told:#?}");
}

#[tokio::test]
async fn a_permanent_no_is_one_and_anything_else_may_do_better_later() {
    for (line, answer, is_final) in [
        ("RCPT", "550 nobody of that name", true),
        ("RCPT", "450 come again", false),
        ("MAIL", "530 who are you", false),
    ] {
        let (url, thread) = server((line, answer));
        let mailer = SmtpMailer::new(&SecretString::from(url), "exports@example.com").unwrap();
        let error = mailer.send(&mail()).await.unwrap_err();
        assert_eq!(matches!(error, MailError::Refused(_)), is_final, "{answer}: {error}");
        assert!(error.to_string().contains(&answer[..3]), "{error}");
        drop(mailer);
        drop(thread);
    }
    let mailer = SmtpMailer::new(&SecretString::from("smtp://127.0.0.1:1"), "exports@example.com").unwrap();
    assert!(matches!(mailer.send(&mail()).await, Err(MailError::Unavailable(_))));
}
