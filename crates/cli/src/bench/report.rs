//! What a benchmark found: tables of medians, and what was promised beside what came of it; for a person, for a page, or
//! as data.

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::statistics::Spread;
use crate::amount;

/// Everything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Release or development.
    pub(super) build: &'static str,
    /// What it ran on.
    pub(super) machine: String,
    /// Records, rounds and what else was asked for.
    pub(super) asked: String,
    /// The parts, in order.
    pub(super) sections: Vec<Section>,
}

/// One part.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Section {
    /// `P1`, …
    pub(super) name: &'static str,
    /// What is measured.
    pub(super) title: String,
    /// Headings, the first one of the rows' names.
    #[serde(skip)]
    pub(super) columns: Vec<&'static str>,
    /// Rows of as many cells.
    #[serde(serialize_with = "rows")]
    pub(super) rows: Rows,
    /// What was promised.
    pub(super) claims: Vec<Claim>,
    /// What has to be known beside it.
    pub(super) notes: Vec<String>,
    /// Outputs that should be the same and are not.
    pub(super) differences: Vec<String>,
}

/// Rows together with the headings that name their cells.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<(Vec<&'static str>, Vec<Cell>)>);

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    /// Words.
    Text(String),
    /// A measurement; its unit and digits are for showing only.
    Measured {
        /// The value.
        #[serde(flatten)]
        spread: Spread,
        /// Behind it.
        unit: &'static str,
        /// Behind the point.
        #[serde(skip)]
        digits: usize,
    },
    /// A whole number.
    Count(u64),
    /// Nothing to say.
    Absent(Option<()>),
}

/// A goal and how far it is reached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Claim {
    /// In words.
    pub(super) what: String,
    /// What was measured; `None` where it could not be.
    pub(super) measured: Option<Spread>,
    /// Behind the number: `×`, `%`, …
    pub(super) unit: &'static str,
    /// The goal.
    pub(super) goal: f64,
    /// Whether more is better.
    pub(super) at_least: bool,
    /// Whether it was reached, by the median.
    pub(super) met: Option<bool>,
}

fn rows<S: Serializer>(rows: &Rows, serializer: S) -> Result<S::Ok, S::Error> {
    struct Row<'a>(&'a [&'static str], &'a [Cell]);
    impl Serialize for Row<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.1.len()))?;
            for (name, cell) in self.0.iter().zip(self.1) {
                map.serialize_entry(name, cell)?;
            }
            map.end()
        }
    }
    serializer.collect_seq(rows.0.iter().map(|(columns, cells)| Row(columns, cells)))
}

impl Claim {
    /// At least `goal`.
    pub(super) fn at_least(what: impl Into<String>, measured: Option<Spread>, goal: f64, unit: &'static str) -> Self {
        let met = measured.map(|spread| spread.median >= goal);
        Self { what: what.into(), measured, unit, goal, at_least: true, met }
    }

    /// At most `goal`.
    pub(super) fn at_most(what: impl Into<String>, measured: Option<Spread>, goal: f64, unit: &'static str) -> Self {
        let met = measured.map(|spread| spread.median <= goal);
        Self { what: what.into(), measured, unit, goal, at_least: false, met }
    }

    fn verdict(&self) -> String {
        match (self.met, self.measured) {
            (Some(true), _) => "met".to_owned(),
            (Some(false), Some(spread)) if self.goal > 0.0 => {
                format!("missed: {:.0} % of the goal", 100.0 * spread.median / self.goal)
            }
            (Some(false), _) => "missed".to_owned(),
            (None, _) => "not measured".to_owned(),
        }
    }

    fn cells(&self) -> [String; 4] {
        let sign = if self.at_least { "≥" } else { "≤" };
        let goal = format!("{sign} {} {}", short(self.goal), self.unit);
        let measured =
            self.measured.map_or_else(|| "–".to_owned(), |spread| range(&spread, digits(self.goal), self.unit));
        [self.what.clone(), goal.trim().to_owned(), measured, self.verdict()]
    }
}

fn digits(goal: f64) -> usize {
    if goal >= 20.0 || goal == 0.0 { 1 } else { 2 }
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn range(spread: &Spread, digits: usize, unit: &str) -> String {
    let Spread { median, min, max } = spread;
    let number = |value: f64| {
        if digits == 0 { amount::grouped(value) } else { format!("{value:.digits$}") }
    };
    let median = number(*median);
    let (min, max) = (number(*min), number(*max));
    let text = if min == max { format!("{median} {unit}") } else { format!("{median} {unit} ({min}–{max})") };
    text.replace("  ", " ").trim().to_owned()
}

impl Cell {
    /// Words.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A measurement.
    pub(super) fn of(spread: Option<Spread>, digits: usize, unit: &'static str) -> Self {
        spread.map_or(Self::Absent(None), |spread| Self::Measured { spread, unit, digits })
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Measured { spread, unit, digits } => range(spread, *digits, unit),
            Self::Count(count) => amount::grouped_integer(*count),
            Self::Absent(_) => "–".to_owned(),
        }
    }
}

impl Section {
    /// A section without rows.
    pub(super) fn new(name: &'static str, title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { name, title: title.into(), columns: columns.to_vec(), ..Self::default() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.0.push((self.columns.clone(), cells));
    }

    /// Adds a row of something that could not be measured, and why.
    pub(super) fn absent(&mut self, name: &str, why: &str) {
        self.row(vec![Cell::text(name), Cell::text(format!("not measured: {why}"))]);
    }

    fn tables(&self) -> Vec<Vec<Vec<String>>> {
        let heading = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut tables = Vec::new();
        if !self.rows.0.is_empty() {
            let mut table = vec![heading(&self.columns)];
            for (_, cells) in &self.rows.0 {
                let mut shown: Vec<String> = cells.iter().map(Cell::shown).collect();
                shown.resize(self.columns.len(), String::new());
                table.push(shown);
            }
            tables.push(table);
        }
        if !self.claims.is_empty() {
            let mut table = vec![heading(&["goal", "asked", "measured", "verdict"])];
            table.extend(self.claims.iter().map(|claim| claim.cells().to_vec()));
            tables.push(table);
        }
        tables
    }

    fn remarks(&self) -> impl Iterator<Item = String> {
        let differences = self.differences.iter().map(|difference| format!("DIFFERENT: {difference}"));
        self.notes.iter().cloned().chain(differences)
    }
}

impl Report {
    /// What differs that should not, of all parts.
    pub(super) fn differences(&self) -> Vec<&str> {
        self.sections.iter().flat_map(|section| &section.differences).map(String::as_str).collect()
    }

    /// For a terminal, without a line break at its end.
    pub(super) fn table(&self) -> String {
        let mut lines = vec![format!("{}; {} build; {}", self.machine, self.build, self.asked)];
        for section in &self.sections {
            lines.push(format!("\n{}  {}", section.name, section.title));
            for table in section.tables() {
                lines.push(String::new());
                lines.extend(aligned(&table));
            }
            lines.extend(section.remarks().map(|remark| format!("  {remark}")));
        }
        lines.join("\n")
    }

    /// For a page, likewise.
    pub(super) fn markdown(&self) -> String {
        let mut lines = vec![format!("{}; {} build; {}.", self.machine, self.build, self.asked)];
        for section in &self.sections {
            lines.push(format!("\n### {}: {}", section.name, section.title));
            for table in section.tables() {
                lines.push(String::new());
                for (position, row) in table.iter().enumerate() {
                    let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
                    lines.push(format!("| {} |", cells.join(" | ")));
                    if position == 0 {
                        lines.push(format!("|{}", "---|".repeat(row.len())));
                    }
                }
            }
            let remarks: Vec<String> = section.remarks().map(|remark| format!("- {remark}")).collect();
            if !remarks.is_empty() {
                lines.push(String::new());
                lines.extend(remarks);
            }
        }
        lines.join("\n")
    }
}

fn aligned(table: &[Vec<String>]) -> Vec<String> {
    let width =
        |column: usize| table.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
    let columns = table.first().map_or(0, Vec::len);
    // What could not be measured says so in one long cell, which makes no column wide.
    let widths: Vec<usize> = (0..columns).map(|column| width(column).min(48)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut section = Section::new("P1", "a race", &["what", "time", "records"]);
        let spread = Spread { median: 1.5, min: 1.0, max: 2.0 };
        section.row(vec![Cell::text("ours"), Cell::of(Some(spread), 2, "s"), Cell::Count(1_000_000)]);
        section.absent("theirs | ours", "it is not installed");
        section.claims.push(Claim::at_least("twice as fast", Some(spread), 2.0, "×"));
        section.claims.push(Claim::at_most("small", Some(spread), 2.0, "MiB"));
        section.claims.push(Claim::at_least("unknown", None, 2.0, "×"));
        section.differences.push("two files".to_owned());
        Report { build: "release", machine: "4 cores".to_owned(), asked: "all".to_owned(), sections: vec![section] }
    }

    #[test]
    fn the_page_has_tables_and_verdicts() {
        let page = report().markdown();
        let lines: Vec<&str> = page.lines().collect();
        for line in [
            "### P1: a race",
            "| what | time | records |",
            "| ours | 1.50 s (1.00–2.00) | 1,000,000 |",
            r"| theirs \| ours | not measured: it is not installed |  |",
            "| twice as fast | ≥ 2 × | 1.50 × (1.00–2.00) | missed: 75 % of the goal |",
            "| small | ≤ 2 MiB | 1.50 MiB (1.00–2.00) | met |",
            "| unknown | ≥ 2 × | – | not measured |",
            "- DIFFERENT: two files",
        ] {
            assert!(lines.contains(&line), "{line}\n{page}");
        }
    }

    #[test]
    fn the_data_name_their_cells() {
        let data = serde_json::to_value(report()).unwrap();
        let section = &data["sections"][0];
        assert_eq!(section["rows"][0]["time"]["median"], 1.5);
        assert_eq!(section["rows"][0]["records"], 1_000_000);
        assert_eq!(section["claims"][1]["met"], true);
        assert_eq!(section["claims"][2]["met"], serde_json::Value::Null);
        assert_eq!(report().differences(), ["two files"]);
    }

    #[test]
    fn the_terminal_gets_columns() {
        let table = report().table();
        assert!(table.contains("  ours           1.50 s (1.00–2.00)"), "{table}");
    }
}
