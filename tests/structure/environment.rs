//! A function's variables in `template.yaml` are those that its `Config` reads, no more and no fewer.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::repository::{functions, read, root};
use crate::template::logical_id;
use crate::yaml;

/// Read by every function's start, given to every function by the template's globals.
const START: &str = "crates/runtime/src/entry.rs";

/// The names of environment variables among the string literals of a source file, tests apart. What Lambda itself
/// gives begins with `AWS_` and is left out.
fn variables(source: &str) -> BTreeSet<String> {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|literal| is_variable(literal)).map(str::to_owned).collect()
}

fn is_variable(literal: &str) -> bool {
    literal.contains('_')
        && !literal.starts_with("AWS_")
        && literal.starts_with(|first: char| first.is_ascii_uppercase())
        && literal.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

fn keys(variables: &Value) -> BTreeSet<String> {
    variables.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn violations(function: &str, config: &str, start: &str, template: &Value) -> Vec<String> {
    let resource = &template["Resources"][logical_id(function)]["Properties"]["Environment"]["Variables"];
    let global = &template["Globals"]["Function"]["Environment"]["Variables"];
    let given: BTreeSet<_> = keys(resource).union(&keys(global)).cloned().collect();
    let read: BTreeSet<_> = variables(config).union(&variables(start)).cloned().collect();
    let missing =
        read.difference(&given).map(|name| format!("{function} reads {name}, which the template does not give"));
    let unread =
        given.difference(&read).map(|name| format!("the template gives {name}, which {function} does not read"));
    missing.chain(unread).collect()
}

#[test]
fn functions_read_the_variables_that_the_template_gives() -> Result<()> {
    let template = yaml::parse(&read("template.yaml")?)?;
    let start = read(START)?;
    for function in functions()? {
        let config = format!("functions/{function}/src/config.rs");
        assert!(root().join(&config).is_file(), "{config} is missing");
        assert_eq!(violations(&function, &read(&config)?, &start, &template), Vec::<String>::new());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_on_one_side_only_is_found() {
        let template = json!({
            "Globals": {"Function": {"Environment": {"Variables": {"LOG_FILTER": "info"}}}},
            "Resources": {"AdminApi": {"Properties": {"Environment": {"Variables": {"MAIN_TABLE": "m", "OLD_TABLE": "o"}}}}},
        });
        let config = "// \"NOT_THIS\"\nenv.text(\"MAIN_TABLE\"), env.text(\"NEW_TABLE\"), \"AWS_REGION\", \"text\"\n#[cfg(test)] \"IN_TEST\"";
        let found = violations("admin-api", config, "env.optional(\"LOG_FILTER\")", &template);
        let expected = [
            "admin-api reads NEW_TABLE, which the template does not give",
            "the template gives OLD_TABLE, which admin-api does not read",
        ];
        assert_eq!(found, expected);
    }
}
