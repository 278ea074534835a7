//! Routes of the template and routes of the embedded gateway: the same ones, to the same functions.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::repository::read;
use crate::template::resources;
use crate::yaml;

/// Where the embedded stack says which function answers what.
const GATEWAY: &str = "crates/local/src/gateway/routes.rs";

/// Keys of routes as API Gateway writes them (`ANY /v1/{proxy+}`, `$default`).
fn of_template(template: &Value) -> BTreeSet<String> {
    let functions = resources(template, "AWS::Serverless::Function");
    let events = functions.iter().filter_map(|(_, function)| function["Properties"]["Events"].as_object()).flatten();
    let http = events.map(|(_, event)| event).filter(|event| event["Type"] == "HttpApi");
    let key = |event: &Value| match (event["Properties"]["Method"].as_str(), event["Properties"]["Path"].as_str()) {
        (Some(method), Some(path)) => format!("{method} {path}"),
        _ => "$default".to_owned(),
    };
    http.map(key).collect()
}

/// Those among the string literals of a source file, tests apart.
fn of_gateway(source: &str) -> BTreeSet<String> {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|literal| literal.starts_with("ANY /") || *literal == "$default").map(str::to_owned).collect()
}

#[test]
fn the_embedded_gateway_has_the_routes_of_the_template() -> Result<()> {
    let template = of_template(&yaml::parse(&read("template.yaml")?)?);
    assert!(template.contains("$default") && template.len() > 4, "routes are missing: {template:?}");
    assert_eq!(of_gateway(&read(GATEWAY)?), template);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_on_one_side_only_is_found() -> Result<()> {
        let template = yaml::parse(
            "Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        \
             One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: /one}}\n        \
             Rest: {Type: HttpApi, Properties: {ApiId: !Ref Api}}\n        Tick: {Type: Schedule}\n",
        )?;
        let gateway = "// \"ANY /comment\"\nkey: \"ANY /one\", key: \"$default\"\n#[cfg(test)]\n\"ANY /test\"";
        assert_eq!(of_template(&template), of_gateway(gateway));
        assert_ne!(of_template(&template), of_gateway("\"ANY /two\", \"$default\""));
        Ok(())
    }
}
