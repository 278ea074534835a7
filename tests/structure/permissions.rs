//! Roles: one per function, named actions on named resources.

use anyhow::Result;
use serde_json::Value;

use crate::repository::read;
use crate::template::resources;
use crate::yaml;

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// The text that stands in a resource's name: itself, or what is substituted.
fn text(resource: &Value) -> &str {
    let inner = resource.as_object().and_then(|object| object.values().next()).unwrap_or(resource);
    inner.as_str().unwrap_or_default()
}

/// A resource is named when it has no wildcard, or only one that ends a named prefix of keys: `<bucket>/archives/*`.
fn is_named(resource: &str) -> bool {
    match resource.split_once('*') {
        None => !resource.is_empty(),
        Some((before, after)) => after.is_empty() && before.ends_with('/') && before.matches('/').count() == 2,
    }
}

fn violations(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (id, role) in resources(template, "AWS::IAM::Role") {
        let properties = &role["Properties"];
        if !properties["ManagedPolicyArns"].is_null() {
            found.push(format!("{id} has managed policies, whose actions nobody here names"));
        }
        for policy in items(&properties["Policies"]) {
            for statement in items(&policy["PolicyDocument"]["Statement"]) {
                let sid = statement["Sid"].as_str().unwrap_or("?");
                let actions = items(&statement["Action"]);
                let resources = items(&statement["Resource"]);
                if statement["Effect"] != "Allow" || actions.is_empty() || resources.is_empty() {
                    found.push(format!("{id}/{sid} does not allow named actions on named resources"));
                }
                for action in actions.into_iter().map(text).filter(|action| action.contains('*')) {
                    found.push(format!("{id}/{sid} allows {action}"));
                }
                for resource in resources.into_iter().map(text).filter(|resource| !is_named(resource)) {
                    found.push(format!("{id}/{sid} reaches {resource}"));
                }
            }
        }
    }
    for (id, function) in resources(template, "AWS::Serverless::Function") {
        if !function["Properties"]["Policies"].is_null() {
            found.push(format!("{id} has policies outside its role"));
        }
    }
    found
}

/// Statements of `role` that name `action`.
fn holders<'a>(template: &'a Value, action: &str) -> Vec<&'a str> {
    let names = |role: &Value| role["Properties"]["Policies"].to_string().contains(&format!("\"{action}\""));
    resources(template, "AWS::IAM::Role")
        .into_iter()
        .filter(|(_, role)| names(role))
        .map(|(id, _)| id.as_str())
        .collect()
}

#[test]
fn roles_name_their_actions_and_resources() -> Result<()> {
    let template = yaml::parse(&read("template.yaml")?)?;
    assert_eq!(violations(&template), Vec::<String>::new());
    let functions = resources(&template, "AWS::Serverless::Function").len();
    assert_eq!(resources(&template, "AWS::IAM::Role").len(), functions, "one role per function");
    Ok(())
}

#[test]
fn only_admin_api_reads_the_operator_key_and_only_the_exporter_writes_archives() -> Result<()> {
    let template = yaml::parse(&read("template.yaml")?)?;
    assert_eq!(holders(&template, "secretsmanager:GetSecretValue"), ["AdminApiRole"]);
    // The links for uploads that `admin-api` signs reach files alone.
    assert_eq!(holders(&template, "s3:PutObject"), ["AdminApiRole", "ExporterRole"]);
    let admin = template["Resources"]["AdminApiRole"]["Properties"]["Policies"].to_string();
    let upload = admin.split("\"Sid\"").find(|statement| statement.contains("s3:PutObject")).unwrap_or_default();
    assert!(admin.contains("/files/*") && !admin.contains("/work/*"), "{upload}");
    Ok(())
}

/// What the statements of `role` that name `action` say of the purpose of secrets, one text for each.
fn purposes(template: &Value, role: &str, action: &str) -> Vec<String> {
    let policies = items(&template["Resources"][role]["Properties"]["Policies"]);
    let statements = policies.into_iter().flat_map(|policy| items(&policy["PolicyDocument"]["Statement"]));
    let named = statements.filter(|statement| items(&statement["Action"]).into_iter().any(|one| one == action));
    named.map(|statement| statement["Condition"]["StringLike"]["kms:EncryptionContext:purpose"].to_string()).collect()
}

#[test]
fn only_delivery_opens_what_is_sealed_for_destinations() -> Result<()> {
    let template = yaml::parse(&read("template.yaml")?)?;
    let opens = [("AdminApiRole", "signature:*"), ("CortexApiRole", "signature:*"), ("DeliveryRole", "destination:*")];
    assert_eq!(holders(&template, "kms:Decrypt"), opens.map(|(role, _)| role));
    for (role, purpose) in opens {
        assert_eq!(purposes(&template, role, "kms:Decrypt"), [format!("\"{purpose}\"")], "{role}");
    }
    assert_eq!(purposes(&template, "SigmaApiRole", "kms:GenerateDataKey"), ["\"destination:*\""]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wildcards_are_found() {
        let statement = |action: Value, resource: Value| json!({"Sid": "S", "Effect": "Allow", "Action": action, "Resource": resource});
        let template = |statement: Value| {
            json!({"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {
                "Policies": [{"PolicyDocument": {"Statement": [statement]}}],
            }}}})
        };
        let bad = [
            statement(json!("s3:*"), json!({"!GetAtt": "B.Arn"})),
            statement(json!(["s3:GetObject", "sqs:Send*"]), json!({"!GetAtt": "B.Arn"})),
            statement(json!("s3:GetObject"), json!("*")),
            statement(json!("s3:GetObject"), json!([{"!Sub": "${B.Arn}/*"}])),
            statement(json!("s3:GetObject"), json!([])),
            json!({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": {"!GetAtt": "B.Arn"}}),
        ];
        for statement in bad {
            assert_eq!(violations(&template(statement.clone())).len(), 1, "{statement}");
        }
        let good =
            statement(json!("s3:GetObject"), json!([{"!Sub": "${B.Arn}/archives/*"}, {"!Sub": "${T.Arn}/index/due"}]));
        assert_eq!(violations(&template(good)), Vec::<String>::new());
    }

    #[test]
    fn policies_outside_roles_are_found() {
        let template = json!({"Resources": {
            "R": {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/X"]}},
            "F": {"Type": "AWS::Serverless::Function", "Properties": {"Policies": ["AWSLambdaExecute"]}},
        }});
        assert_eq!(violations(&template).len(), 2);
    }
}
