//! The plain way to answer a condition: on a tree of values, with nothing compiled and nothing shared with the evaluator.

use serde_json::Value;
use std::cmp::Ordering;

/// Whether a record meets a condition.
pub(crate) fn matches(record: &Value, condition: &Value) -> bool {
    all_hold(record, condition, "")
}

/// `base` is the array whose elements the condition is about.
fn all_hold(value: &Value, condition: &Value, base: &str) -> bool {
    condition.as_object().unwrap().iter().all(|(key, part)| {
        let parts = || part.as_array().unwrap().iter();
        match key.as_str() {
            "$and" => parts().all(|part| all_hold(value, part, base)),
            "$or" => parts().any(|part| all_hold(value, part, base)),
            "$nor" => !parts().any(|part| all_hold(value, part, base)),
            "$not" => !all_hold(value, part, base),
            path => {
                let path = if path == "site._id" { "site" } else { path };
                let full = if base.is_empty() { path.to_owned() } else { format!("{base}.{path}") };
                let names: Vec<&str> = path.split('.').collect();
                let found = outcomes(value, &names);
                match part.as_object() {
                    None => found.iter().any(|found| passes(*found, "$eq", part, part, &full)),
                    Some(operators) => operators
                        .iter()
                        .all(|(operator, operand)| denies_or_any(&found, operator, operand, part, &full)),
                }
            }
        }
    })
}

/// A denial holds when nothing that is found passes what it denies; anything else when something does.
fn denies_or_any(found: &[Option<&Value>], operator: &str, operand: &Value, beside: &Value, path: &str) -> bool {
    let any = |operator: &str| found.iter().any(|found| passes(*found, operator, operand, beside, path));
    match operator {
        "$ne" => !any("$eq"),
        "$nin" => !any("$in"),
        "$exists" => operand.as_bool().unwrap() == any("$exists"),
        // Of several operators in a `$not`, each may be met elsewhere.
        "$not" => !operand
            .as_object()
            .unwrap()
            .iter()
            .all(|(operator, inner)| denies_or_any(found, operator, inner, operand, path)),
        _ => any(operator),
    }
}

/// What a path leads to: one outcome for each object that arrays on the way hold.
fn outcomes<'v>(value: &'v Value, names: &[&str]) -> Vec<Option<&'v Value>> {
    let Some((name, rest)) = names.split_first() else { return vec![Some(value)] };
    match value {
        Value::Object(members) => members.get(*name).map_or(vec![None], |inner| outcomes(inner, rest)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().filter(|item| item.is_object()).flat_map(|item| outcomes(item, names)).collect()
        }
        _ => vec![None],
    }
}

fn passes(found: Option<&Value>, operator: &str, operand: &Value, beside: &Value, path: &str) -> bool {
    let elements = || match found {
        Some(Value::Array(items)) => items.iter().map(Some).collect(),
        other => vec![other],
    };
    let equal =
        |operand: &Value| elements().into_iter().any(|value| stands(value, operand, path) == Some(Ordering::Equal));
    let ordered = |allowed: &[Ordering]| {
        let stand = |value: &Value| stands(Some(value), operand, path);
        elements().into_iter().flatten().filter_map(stand).any(|found| allowed.contains(&found))
    };
    let list = || operand.as_array().unwrap().iter();
    match operator {
        "$eq" => equal(operand),
        "$in" => list().any(equal),
        "$all" => list().len() > 0 && list().all(equal),
        "$gt" => ordered(&[Ordering::Greater]),
        "$gte" => ordered(&[Ordering::Greater, Ordering::Equal]),
        "$lt" => ordered(&[Ordering::Less]),
        "$lte" => ordered(&[Ordering::Less, Ordering::Equal]),
        "$exists" => found.is_some(),
        "$size" => found
            .and_then(Value::as_array)
            .is_some_and(|items| Some(u64::try_from(items.len()).unwrap()) == operand.as_u64()),
        "$regex" => {
            let options = beside.get("$options").and_then(Value::as_str).unwrap_or("");
            let text = |value: Option<&Value>| {
                value.and_then(Value::as_str).is_some_and(|text| searched(operand.as_str().unwrap(), options, text))
            };
            elements().into_iter().any(text)
        }
        "$options" => true,
        "$elemMatch" => {
            let Some(items) = found.and_then(Value::as_array) else { return false };
            let tests = operand.as_object().unwrap();
            if tests.keys().all(|key| key.starts_with('$') && !matches!(key.as_str(), "$and" | "$or" | "$nor")) {
                return items.iter().any(|item| {
                    tests.iter().all(|(operator, inner)| denies_or_any(&[Some(item)], operator, inner, operand, path))
                });
            }
            items.iter().any(|item| item.is_object() && all_hold(item, operand, path))
        }
        other => unreachable!("{other}"),
    }
}

/// How a value stands to an operand, by the type that the property is declared as.
fn stands(value: Option<&Value>, operand: &Value, path: &str) -> Option<Ordering> {
    let null = Value::Null;
    let value = value.unwrap_or(&null);
    if operand.is_null() {
        return value.is_null().then_some(Ordering::Equal);
    }
    match path {
        "created" | "items.at" => Some(nanos(value.as_str()?)?.cmp(&nanos(operand.as_str()?)?)),
        "_id" | "site" => {
            let id = if value.is_object() { value.get("_id")? } else { value };
            Some(id.as_str()?.to_lowercase().cmp(&operand.as_str()?.to_lowercase()))
        }
        _ => match (value, operand) {
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Value::Number(left), Value::Number(right)) => {
                let (left, right) = (scaled(&left.to_string()), scaled(&right.to_string()));
                Some(left.cmp(&right))
            }
            (Value::String(left), Value::String(right)) => Some(left.chars().cmp(right.chars())),
            _ => None,
        },
    }
}

/// A number as digits of equal length before and behind the point, with its sign: comparable as integers of any length.
fn scaled(text: &str) -> (i8, Vec<i8>) {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.trim_start_matches('+').parse().unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = vec![0; 120];
    let point = 60 - exponent - i32::try_from(whole.len()).unwrap();
    for (place, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let at = usize::try_from(point + i32::try_from(place).unwrap()).unwrap();
        digits[at] = sign * i8::try_from(digit - b'0').unwrap();
    }
    let zero = digits.iter().all(|digit| *digit == 0);
    (if zero { 0 } else { sign }, digits)
}

/// The instant of a date of the forms that are generated, by counting days.
fn nanos(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day] = parts[..] else { return None };
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut days = day - 1;
    for earlier in 1..month {
        days += match earlier {
            2 => 28 + i64::from(leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
    }
    days += (1970..year).map(|year| 365 + i64::from(leap(year))).sum::<i64>();
    days -= (year..1970).map(|year| 365 + i64::from(leap(year))).sum::<i64>();
    let (clock, offset) = match time.split_once('+') {
        Some((clock, offset)) => (clock, offset[..2].parse::<i64>().ok()?),
        None => (time.strip_suffix('Z')?, 0),
    };
    let (clock, millis) = clock.split_once('.').unwrap_or((clock, "0"));
    let units: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let secs = days * 86_400 + (units[0] - offset) * 3600 + units[1] * 60 + units[2];
    Some(secs * 1000 + millis.parse::<i64>().ok()?)
}

/// Whether a pattern of those that are generated occurs in a text: by trying.
fn searched(pattern: &str, options: &str, text: &str) -> bool {
    let fold = |text: &str| if options.contains('i') { text.to_lowercase() } else { text.to_owned() };
    let text: Vec<char> = fold(text).chars().collect();
    fold(pattern).split('|').any(|branch| {
        let branch: Vec<char> = branch.chars().collect();
        (0..=text.len()).any(|start| matched(&branch, &text, start, options.contains('s')))
    })
}

fn matched(pattern: &[char], text: &[char], at: usize, all: bool) -> bool {
    let Some(first) = pattern.first() else { return true };
    match first {
        '^' => at == 0 && matched(&pattern[1..], text, at, all),
        '$' => at == text.len() && matched(&pattern[1..], text, at, all),
        _ => {
            let length = if *first == '[' { pattern.iter().position(|c| *c == ']').unwrap() + 1 } else { 1 };
            let (atom, rest) = pattern.split_at(length);
            let fits = |at: usize| {
                text.get(at).is_some_and(|found| match atom {
                    ['.'] => all || *found != '\n',
                    ['[', '^', set @ .., ']'] => !set.contains(found),
                    ['[', set @ .., ']'] => set.contains(found),
                    _ => atom[0] == *found,
                })
            };
            match rest.first() {
                Some('*') => matched(&rest[1..], text, at, all) || fits(at) && matched(pattern, text, at + 1, all),
                Some('?') => matched(&rest[1..], text, at, all) || fits(at) && matched(&rest[1..], text, at + 1, all),
                _ => fits(at) && matched(rest, text, at + 1, all),
            }
        }
    }
}
