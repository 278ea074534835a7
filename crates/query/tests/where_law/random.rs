//! Random records and conditions on them, the same for the same seed.

use serde_json::{Map, Value, json};

/// A generator of random numbers (xorshift64*, G. Marsaglia and S. Vigna).
pub(crate) struct Random(u64);

const NAMES: [&str; 8] = ["", "a", "ab", "abc", "B", "é", "a\"b\\", "x\n1"];
const NUMBERS: [&str; 12] = [
    "0",
    "-0.0",
    "1",
    "1.0",
    "10e-1",
    "-1",
    "2.5",
    "1e3",
    "1000.000",
    "12345678901234567890123456789012345678",
    "12345678901234567890123456789012345679",
    "-1e-9",
];
const DATES: [&str; 8] = [
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00.000+01:00",
    "2025-12-31T23:59:59.999Z",
    "2026-02-28T12:00:00Z",
    "2024-02-29T00:00:00Z",
    "1969-12-31T23:00:00Z",
    "no date",
];
const IDS: [&str; 4] =
    ["64230c3408591daeaf3cb85e", "64230C3408591DAEAF3CB85E", "000000000000000000000001", "ffffffffffffffffffffffff"];
const PATTERNS: [&str; 10] = ["a", "^a", "b$", "^ab?c*$", "^$", ".", "[ab]c", "^[^a]", "é", "a.*b|B"];
const PATHS: [&str; 17] = [
    "name",
    "tags",
    "items.name",
    "place.city",
    "n",
    "sizes",
    "items.n",
    "place.lat",
    "place.inner.n",
    "open",
    "created",
    "items.at",
    "site",
    "_id",
    "any",
    "any.n",
    "site._id",
];

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(bits).unwrap() % bound
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }

    fn text(&mut self, from: &[&str]) -> Value {
        Value::from(self.pick(from))
    }

    fn number(&mut self) -> Value {
        serde_json::from_str(self.pick(&NUMBERS)).unwrap()
    }

    /// Anything, so that values are not always of the type that is declared.
    fn junk(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => Value::from(self.below(2) == 0),
            2 => self.number(),
            3 => self.text(&NAMES),
            4 => self.text(&DATES),
            5 => self.text(&IDS),
            6 => (0..self.below(3)).map(|_| self.junk(depth - 1)).collect(),
            _ => json!({"n": self.junk(depth - 1), "name": self.junk(depth - 1)}),
        }
    }

    /// A member that is there most of the time, and mostly of its type.
    fn member(&mut self, object: &mut Map<String, Value>, name: &str, make: impl FnOnce(&mut Self) -> Value) {
        match self.below(10) {
            0 => {}
            1 => _ = object.insert(name.to_owned(), self.junk(2)),
            _ => _ = object.insert(name.to_owned(), make(self)),
        }
    }

    fn many(&mut self, mut make: impl FnMut(&mut Self) -> Value) -> Value {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    fn item(&mut self) -> Value {
        let mut item = Map::new();
        self.member(&mut item, "name", |random| random.text(&NAMES));
        self.member(&mut item, "n", Self::number);
        self.member(&mut item, "at", |random| random.text(&DATES));
        Value::Object(item)
    }

    pub(crate) fn record(&mut self) -> Value {
        let mut record = Map::new();
        self.member(&mut record, "_id", |random| random.text(&IDS));
        self.member(&mut record, "name", |random| random.text(&NAMES));
        self.member(&mut record, "n", Self::number);
        self.member(&mut record, "open", |random| Value::from(random.below(2) == 0));
        self.member(&mut record, "created", |random| random.text(&DATES));
        self.member(&mut record, "site", |random| match random.below(2) {
            0 => random.text(&IDS),
            _ => json!({"_id": random.pick(&IDS), "object": "site"}),
        });
        self.member(&mut record, "tags", |random| random.many(|random| random.text(&NAMES)));
        self.member(&mut record, "sizes", |random| random.many(Self::number));
        self.member(&mut record, "items", |random| random.many(Self::item));
        self.member(&mut record, "any", |random| random.junk(2));
        self.member(
            &mut record,
            "place",
            |random| json!({"city": random.pick(&NAMES), "lat": random.number(), "inner": {"n": random.number()}}),
        );
        Value::Object(record)
    }

    /// A condition, nested at most so deep.
    pub(crate) fn condition(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            6 => json!({"$and": [self.condition(depth - 1), self.condition(depth - 1)]}),
            7 => json!({"$or": [self.condition(depth - 1), self.condition(depth - 1)]}),
            8 => json!({"$nor": [self.condition(depth - 1), self.condition(depth - 1)]}),
            9 => json!({"$not": self.condition(depth - 1)}),
            5 => {
                let path = self.pick(&["items", "items", "any"]);
                json!({path: {"$elemMatch": self.element(path)}})
            }
            4 => json!({self.pick(&["items", "place", "place.inner"]): {"$exists": self.below(2) == 0}}),
            count => {
                let paths: Vec<&str> = (0..=count % 2).map(|_| self.pick(&PATHS)).collect();
                Value::Object(paths.into_iter().map(|path| (path.to_owned(), self.test(path, 2))).collect())
            }
        }
    }

    fn element(&mut self, path: &str) -> Value {
        match (path, self.below(2)) {
            ("items", 0) => json!({"n": self.test("n", 1), "name": self.test("name", 1)}),
            ("items", _) => json!({"$or": [{"at": self.test("created", 1)}, {"n": self.test("n", 0)}]}),
            (_, 0) => json!({"$gt": self.operand("any")}),
            _ => json!({"$in": [self.operand("any"), self.operand("any")], "$exists": true}),
        }
    }

    fn operand(&mut self, path: &str) -> Value {
        match path {
            "n" | "sizes" | "items.n" | "place.lat" | "place.inner.n" => self.number(),
            "open" => Value::from(self.below(2) == 0),
            "created" | "items.at" => self.text(&DATES[..7]),
            "_id" | "site" | "site._id" => self.text(&IDS),
            "any" | "any.n" => match self.below(3) {
                0 => self.number(),
                1 => Value::from(self.below(2) == 0),
                _ => self.text(&NAMES),
            },
            _ => self.text(&NAMES),
        }
    }

    fn nullable(&mut self, path: &str) -> Value {
        if self.below(6) == 0 { Value::Null } else { self.operand(path) }
    }

    fn test(&mut self, path: &str, depth: usize) -> Value {
        if self.below(4) == 0 {
            return self.nullable(path);
        }
        let mut operators = Map::new();
        for _ in 0..=self.below(2) {
            self.operator(path, depth, &mut operators);
        }
        Value::Object(operators)
    }

    fn operator(&mut self, path: &str, depth: usize, operators: &mut Map<String, Value>) {
        let is_text = matches!(path, "name" | "tags" | "items.name" | "place.city" | "any" | "any.n");
        let list = |random: &mut Self| (0..random.below(4)).map(|_| random.nullable(path)).collect::<Value>();
        match self.below(13) {
            0 => _ = operators.insert("$eq".to_owned(), self.nullable(path)),
            1 => _ = operators.insert("$ne".to_owned(), self.nullable(path)),
            2 => _ = operators.insert("$gt".to_owned(), self.operand(path)),
            3 => _ = operators.insert("$gte".to_owned(), self.operand(path)),
            4 => _ = operators.insert("$lt".to_owned(), self.operand(path)),
            5 => _ = operators.insert("$lte".to_owned(), self.operand(path)),
            6 => _ = operators.insert("$in".to_owned(), list(self)),
            7 => _ = operators.insert("$nin".to_owned(), list(self)),
            8 => _ = operators.insert("$all".to_owned(), list(self)),
            9 => _ = operators.insert("$size".to_owned(), Value::from(self.below(4))),
            10 => _ = operators.insert("$exists".to_owned(), Value::from(self.below(2) == 0)),
            11 if depth > 0 => {
                let mut inner = Map::new();
                self.operator(path, depth - 1, &mut inner);
                _ = operators.insert("$not".to_owned(), Value::Object(inner));
            }
            _ if is_text => {
                operators.insert("$regex".to_owned(), self.text(&PATTERNS));
                if self.below(2) == 0 {
                    operators.insert("$options".to_owned(), self.text(&["", "i", "s", "is"]));
                }
            }
            _ => _ = operators.insert("$eq".to_owned(), self.operand(path)),
        }
    }
}
