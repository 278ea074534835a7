//! The evaluator of conditions over scanned records.

use crate::decimal;
use crate::filter::{Filter, Operand, Order, Test};
use crate::instant::Instant;
use std::cmp::Ordering;
use waybill_record::{Document, Kind, Value};

impl Filter {
    /// Whether a record meets the condition.
    pub fn matches(&self, record: &Document<'_>) -> bool {
        self.matches_object(record.root())
    }

    fn matches_object(&self, object: Value<'_>) -> bool {
        match self {
            Filter::All(parts) => parts.iter().all(|part| part.matches_object(object)),
            Filter::Any(parts) => parts.iter().any(|part| part.matches_object(object)),
            Filter::Not(part) => !part.matches_object(object),
            Filter::Property { path, test } => at_path(object, path.segments(), test),
        }
    }
}

/// Whether what `segments` lead to from `value` passes the test; through an array, any of its objects will do.
fn at_path(value: Value<'_>, segments: &[String], test: &Test) -> bool {
    let Some((name, rest)) = segments.split_first() else {
        return test.passes(Some(value));
    };
    match value.kind() {
        Kind::Object => match value.get(name) {
            Some(inner) => at_path(inner, rest, test),
            None => test.passes(None),
        },
        Kind::Array => {
            // A denial must hold for the array as a whole: no element may pass what it denies.
            if let Test::Fails(denied) = test {
                return !denied.iter().all(|test| at_path(value, segments, test));
            }
            let mut objects = value.elements().filter(|element| element.kind() == Kind::Object).peekable();
            if objects.peek().is_none() {
                return test.passes(None);
            }
            objects.any(|element| at_path(element, segments, test))
        }
        _ => test.passes(None),
    }
}

impl Test {
    fn passes(&self, value: Option<Value<'_>>) -> bool {
        match self {
            Test::Equal(operand) => any_of(value, |value| operand.equals(value)),
            Test::Compare(order, operand) => any_of(value, |value| {
                value.and_then(|value| operand.order_of(value)).is_some_and(|found| order.allows(found))
            }),
            Test::Between(low, high) => any_of(value, |value| {
                let stands = |end: &Option<Operand>, order: Order| {
                    let found = |end: &Operand| end.order_of(value?);
                    end.as_ref().is_none_or(|end| found(end).is_some_and(|found| order.allows(found)))
                };
                stands(low, Order::GreaterOrEqual) && stands(high, Order::LessOrEqual)
            }),
            Test::OneOf(operands) => any_of(value, |value| operands.iter().any(|operand| operand.equals(value))),
            Test::Matches(pattern) => any_of(value, |value| {
                value.and_then(|value| value.text()).is_some_and(|text| pattern.occurs_in(&text.decoded()))
            }),
            Test::Contains(part) => any_of(value, |value| {
                value.and_then(|value| value.text()).is_some_and(|text| lower(&text.decoded()).contains(part))
            }),
            Test::HasAll(operands) => {
                !operands.is_empty() && operands.iter().all(|operand| any_of(value, |value| operand.equals(value)))
            }
            Test::Size(size) => array(value)
                .is_some_and(|array| u64::try_from(array.elements().count()).is_ok_and(|count| count == *size)),
            Test::Exists => value.is_some(),
            Test::Element(filter) => array(value).is_some_and(|array| {
                array.elements().any(|element| element.kind() == Kind::Object && filter.matches_object(element))
            }),
            Test::ElementPasses(tests) => array(value).is_some_and(|array| {
                array.elements().any(|element| tests.iter().all(|test| test.passes(Some(element))))
            }),
            Test::Fails(tests) => !tests.iter().all(|test| test.passes(value)),
        }
    }
}

/// Text without the difference between cases.
pub(crate) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

fn array(value: Option<Value<'_>>) -> Option<Value<'_>> {
    value.filter(|value| value.kind() == Kind::Array)
}

/// Whether the value, or an element of it when it is an array, passes.
fn any_of(value: Option<Value<'_>>, passes: impl Fn(Option<Value<'_>>) -> bool) -> bool {
    match array(value) {
        Some(array) => array.elements().any(|element| passes(Some(element))),
        None => passes(value),
    }
}

impl Operand {
    fn equals(&self, value: Option<Value<'_>>) -> bool {
        match (self, value) {
            (Operand::Null, value) => value.is_none_or(|value| value.is_null()),
            (_, None) => false,
            (Operand::Text(own), Some(value)) => value.text().is_some_and(|text| text.is(own)),
            (_, Some(value)) => self.order_of(value) == Some(Ordering::Equal),
        }
    }

    /// How the value stands to this operand; `None` when they are of different kinds.
    fn order_of(&self, value: Value<'_>) -> Option<Ordering> {
        match self {
            Operand::Null => value.is_null().then_some(Ordering::Equal),
            Operand::Boolean(own) => value.boolean().map(|value| value.cmp(own)),
            Operand::Number(own) => value.number().map(|number| decimal::compare(number, own)),
            Operand::Text(own) => value.text().map(|text| text.decoded().as_ref().cmp(own.as_str())),
            Operand::AnyCase(own) => {
                value.text().map(|text| text.decoded().chars().flat_map(char::to_lowercase).cmp(own.chars()))
            }
            Operand::Instant(own) => {
                value.text().and_then(|text| Instant::parse(&text.decoded())).map(|instant| instant.cmp(own))
            }
            Operand::Id(own) => {
                let id = if value.kind() == Kind::Object { value.get("_id")? } else { value };
                id.text().map(|text| text.decoded().to_ascii_lowercase().as_str().cmp(own))
            }
        }
    }
}

impl Order {
    fn allows(self, found: Ordering) -> bool {
        match self {
            Order::Less => found.is_lt(),
            Order::LessOrEqual => found.is_le(),
            Order::Greater => found.is_gt(),
            Order::GreaterOrEqual => found.is_ge(),
        }
    }
}
