//! What people are told by mail: that an export has ended, and where it is, behind a sign-in.

use waybill_app::{Letter, SignalFacts};
use waybill_domain::{Failure, SignalEvent, State};

/// Longest name in a subject, in characters.
const NAME_CHARS: usize = 100;

/// The letter about an export; `place` and `download` are links that ask who is there.
pub(crate) fn letter(facts: &SignalFacts, place: &str, download: Option<&str>) -> Letter {
    let export = &facts.export;
    let name = one_line(export.label.as_deref().filter(|label| !label.trim().is_empty()));
    let name = name.unwrap_or_else(|| export.collection.to_string());
    let records = export.progress.records;
    let of = format!("of {} in the organization {}", export.collection, export.org);
    let (subject, mut lines, url) = match facts.event {
        SignalEvent::Completed => {
            let lines = vec![
                format!("The export “{name}” {of} is ready. It holds {records} {}.", plural(records)),
                format!("It can be downloaded until {}.", export.expires_at),
            ];
            (format!("Export ready: {name}"), lines, download.unwrap_or(place))
        }
        SignalEvent::Failed => {
            let mut lines = vec![format!("The export “{name}” {of} has failed; there is no file.")];
            if let State::Failed { failure: Failure { message, .. }, .. } = &export.state {
                lines.push(format!("Why: {}", message.trim()));
            }
            (format!("Export failed: {name}"), lines, place)
        }
    };
    let action = if facts.event == SignalEvent::Completed { "Download it" } else { "See it" };
    lines.push(format!("{action}: {url}"));
    lines.push("The link asks you to sign in, or for your key.".to_owned());
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().join("\n");
    let html = lines.iter().map(|line| paragraph(line, action, url)).collect::<String>();
    let html = format!("<!doctype html>\n<html><body>\n{html}</body></html>\n");
    Letter { subject, text, html }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "record" } else { "records" }
}

fn paragraph(line: &str, action: &str, url: &str) -> String {
    if line == format!("{action}: {url}") {
        let href = escaped(url);
        return format!("<p><a href=\"{href}\">{action}</a></p>\n");
    }
    format!("<p>{}</p>\n", escaped(line))
}

/// A name on one line, without what a mail's head would take for its end.
fn one_line(name: Option<&str>) -> Option<String> {
    let plain: String = name?.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).take(NAME_CHARS).collect();
    Some(plain.trim().to_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
