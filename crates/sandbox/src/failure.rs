//! From what the engine threw to why a script failed.

use crate::engine::SCRIPT;
use rquickjs::{Ctx, Error, Object, Value};
use waybill_domain::{ScriptFailure, ScriptFailureCode};

/// Longest message that is kept, in characters.
const MESSAGE_CHARS: usize = 1000;

/// Which limit stopped a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Its time.
    Timeout,
    /// Its operations.
    Operations,
}

pub(crate) fn timed_out() -> ScriptFailure {
    ScriptFailure::new(ScriptFailureCode::Timeout, "the script ran for more than 10 000 ms")
}

/// Why a script failed. Reading what was thrown may run code of the script: whatever comes of that is no more than a text, and the
/// limits hold there too.
pub(crate) fn failure_of(ctx: &Ctx<'_>, error: Error, stopped: Option<Stopped>) -> ScriptFailure {
    let thrown = ctx.catch();
    match stopped {
        Some(Stopped::Timeout) => return timed_out(),
        Some(Stopped::Operations) => {
            return ScriptFailure::new(ScriptFailureCode::Operations, "the script used more than 1 000 000 operations");
        }
        None => {}
    }
    match error {
        Error::Exception => of_value(&thrown),
        error => ScriptFailure::new(ScriptFailureCode::Thrown, shortened(&error.to_string())),
    }
}

fn of_value(thrown: &Value<'_>) -> ScriptFailure {
    let Some(object) = thrown.as_object() else {
        // Out of memory, the engine may have none for an error either.
        if thrown.is_null() {
            return ScriptFailure::new(ScriptFailureCode::Memory, "the script used more than 64 MiB of memory");
        }
        let text = thrown.as_string().and_then(|text| text.to_string().ok());
        let text = text.or_else(|| thrown.as_number().map(|number| number.to_string()));
        let text = text.unwrap_or_else(|| thrown.type_name().to_owned());
        return ScriptFailure::new(ScriptFailureCode::Thrown, shortened(&text));
    };
    let (name, message) = (text(object, "name").unwrap_or_default(), text(object, "message"));
    let message = message.or_else(|| text(object, "reason")).unwrap_or_else(|| "no message".to_owned());
    let code = match (name.as_str(), message.as_str()) {
        ("InternalError", "out of memory") => ScriptFailureCode::Memory,
        ("SyntaxError", _) if is_at_script(object) => ScriptFailureCode::Syntax,
        ("ImportError", _) => ScriptFailureCode::Import,
        _ => ScriptFailureCode::Thrown,
    };
    let place = text(object, "stack").and_then(|stack| place(&stack));
    let shown = match code {
        ScriptFailureCode::Memory => "the script used more than 64 MiB of memory".to_owned(),
        ScriptFailureCode::Import => message,
        _ if name.is_empty() => message,
        _ => format!("{name}: {message}"),
    };
    let (line, column) = (place.map(|(line, _)| line), place.map(|(_, column)| column));
    ScriptFailure { code, message: shortened(&shown), line, column }
}

fn is_at_script(object: &Object<'_>) -> bool {
    text(object, "stack").is_some_and(|stack| place(&stack).is_some())
}

fn text(object: &Object<'_>, name: &str) -> Option<String> {
    let value: Value<'_> = object.get(name).ok()?;
    value.as_string()?.to_string().ok()
}

/// The first place in the script that a stack names: `    at f (script:3:7)`.
fn place(stack: &str) -> Option<(u32, u32)> {
    let (_, rest) = stack.split_once(&format!("{SCRIPT}:"))?;
    let mut numbers = rest.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
