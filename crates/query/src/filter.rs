//! The syntax tree of a condition.

use crate::instant::Instant;
use crate::pattern::Pattern;
use serde::{Deserialize, Serialize};
use waybill_record::Path;

/// A condition on a record (or, inside [`Test::Element`], on an element of an array).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Filter {
    /// Every part holds; with no part, anything matches.
    All(Vec<Filter>),
    /// At least one part holds; with no part, nothing matches.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// What stands at a path passes a test.
    Property {
        /// Where to look. Through an array, each of its objects is looked into, and one that passes is enough.
        path: Path,
        /// What to ask there.
        test: Test,
    },
}

/// A question about what stands at a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Test {
    /// It equals the operand, or is an array with an element that does. Nothing and `null` both equal
    /// [`Operand::Null`].
    Equal(Operand),
    /// It stands in this order to the operand, or is an array with an element that does; only values of the operand's
    /// kind stand in any order to it.
    Compare(Order, Operand),
    /// It is neither below the first operand nor above the second, where there are such, or is an array with an element
    /// that is.
    Between(Option<Operand>, Option<Operand>),
    /// It equals one of the operands, as [`Test::Equal`] has it.
    OneOf(Vec<Operand>),
    /// It is text in which the pattern occurs, or is an array with an element that is.
    Matches(Pattern),
    /// It is text in which this lower-case text occurs in any case, or is an array with an element that is.
    Contains(String),
    /// It is an array that has an element equal to each operand, or is itself equal to each.
    HasAll(Vec<Operand>),
    /// It is an array of this length.
    Size(u64),
    /// It is there; `null` is.
    Exists,
    /// It is an array with an element that is an object and matches.
    Element(Box<Filter>),
    /// It is an array with an element that passes all these tests.
    ElementPasses(Vec<Test>),
    /// It does not pass any of these tests together.
    Fails(Vec<Test>),
}

/// An order between a value (left) and an operand (right).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operand {
    /// Nothing, or `null`.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A number as text, compared by decimal value: `1`, `1.0` and `1e0` are equal.
    Number(String),
    /// Text, compared by code points.
    Text(String),
    /// Text in lower case, compared with texts as if they were.
    AnyCase(String),
    /// An instant; equals and orders every text that writes one, whatever its offset and precision.
    Instant(Instant),
    /// An id; equals a text that writes it in either case, and a reference object whose `_id` does.
    Id(String),
}

impl Filter {
    /// The condition that every record meets.
    pub fn everything() -> Self {
        Filter::All(Vec::new())
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::everything()
    }
}
