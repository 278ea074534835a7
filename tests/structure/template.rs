//! Folders of `functions/` and resources of `template.yaml`: the same ones, in the same order, each whole.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::repository::{functions, read};
use crate::yaml;

/// The folders of the functions, parsed templates, and nothing else that the checks need.
struct Stack {
    functions: Vec<String>,
    template: Value,
    queues: Value,
    observability: Value,
}

impl Stack {
    fn of_repository() -> Result<Self> {
        Ok(Self {
            functions: functions()?,
            template: yaml::parse(&read("template.yaml")?)?,
            queues: yaml::parse(&read("infra/queues.yaml")?)?,
            observability: yaml::parse(&read("infra/observability.yaml")?)?,
        })
    }
}

/// `cortex-api` → `CortexApi`.
pub(crate) fn logical_id(function: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    function.split('-').map(capital).collect()
}

/// The resources of a type, in the order of the template.
pub(crate) fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    let all = template["Resources"].as_object().into_iter().flatten();
    all.filter(|(_, resource)| resource["Type"] == kind).collect()
}

fn violations(stack: &Stack) -> Vec<String> {
    let mut found = Vec::new();
    let ids: Vec<_> = stack.functions.iter().map(|name| logical_id(name)).collect();
    let resources = resources(&stack.template, "AWS::Serverless::Function");
    let listed: Vec<_> = resources.iter().map(|(id, _)| (*id).clone()).collect();
    if ids != listed {
        found.push(format!("functions/ has {ids:?}, the template {listed:?}"));
    }
    for (function, (id, resource)) in stack.functions.iter().zip(resources) {
        let properties = &resource["Properties"];
        let mut expect = |what: &str, actual: &Value, wanted: Value| {
            if *actual != wanted {
                found.push(format!("{id}: {what} is {actual}, not {wanted}"));
            }
        };
        let build = &resource["Metadata"];
        expect("the build method", &build["BuildMethod"], json!("rust-cargolambda"));
        expect("the binary", &build["BuildProperties"]["Binary"], json!(function));
        expect("the name", &properties["FunctionName"], json!({"!Sub": format!("${{AWS::StackName}}-{function}")}));
        expect("the role", &properties["Role"], json!({"!GetAtt": format!("{id}Role.Arn")}));
        let group = format!("Observability.Outputs.{id}LogGroupName");
        expect("the log group", &properties["LoggingConfig"]["LogGroup"], json!({"!GetAtt": group}));
        for name in [format!("{id}LogGroup"), format!("{id}ErrorsAlarm"), format!("{id}ThrottlesAlarm")] {
            if !stack.observability["Resources"][&name].is_object() {
                found.push(format!("infra/observability.yaml has no {name}"));
            }
        }
    }
    found
}

/// The exporter's queue as the lane needs it: one message a step, its place kept, its time that of the function.
fn queue_violations(stack: &Stack) -> Vec<String> {
    let exporter = &stack.template["Resources"]["Exporter"]["Properties"];
    let source = &exporter["Events"]["Wake"]["Properties"];
    let queues = &stack.template["Resources"]["Queues"]["Properties"]["Parameters"];
    let wake = &stack.queues["Resources"]["WakeQueue"]["Properties"];
    let dead = &stack.queues["Resources"]["DeadLetterQueue"]["Properties"];
    let rules = [
        ("a batch is one message", source["BatchSize"] == 1),
        ("a batch reports its failures", source["FunctionResponseTypes"] == json!(["ReportBatchItemFailures"])),
        ("the function's time-out is the queue's", exporter["Timeout"] == queues["VisibilityTimeoutSeconds"]),
        ("the visibility is the parameter", wake["VisibilityTimeout"] == json!({"!Ref": "VisibilityTimeoutSeconds"})),
        ("both queues are FIFO", wake["FifoQueue"] == true && dead["FifoQueue"] == true),
        ("a message is received 1000 times at most", wake["RedrivePolicy"]["maxReceiveCount"] == 1000),
    ];
    rules.iter().filter(|(_, holds)| !holds).map(|(rule, _)| (*rule).to_owned()).collect()
}

/// What the bucket promises about the bytes in it.
fn bucket_violations(data: &Value) -> Vec<String> {
    let bucket = &data["Resources"]["ArchiveBucket"]["Properties"];
    let statement = &data["Resources"]["ArchiveBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][0];
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    let days = |prefix: &str| rules.iter().find(|rule| rule["Prefix"] == prefix).map(|rule| &rule["ExpirationInDays"]);
    let blocked = bucket["PublicAccessBlockConfiguration"].as_object();
    let abort = |rule: &Value| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1;
    let rules = [
        ("it is encrypted", bucket["BucketEncryption"].is_object()),
        ("it is private", blocked.is_some_and(|all| all.len() == 4 && all.values().all(|value| *value == true))),
        (
            "it speaks TLS only",
            statement["Effect"] == "Deny" && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false",
        ),
        ("archives expire after 8 days", days("archives/").is_some_and(|days| *days == 8)),
        ("work expires after 30 days", days("work/").is_some_and(|days| *days == 30)),
        ("files of records never expire", days("files/").is_none() && days("").is_none()),
        ("uploads are aborted after a day", rules.iter().any(abort)),
    ];
    rules.iter().filter(|(_, holds)| !holds).map(|(rule, _)| (*rule).to_owned()).collect()
}

#[test]
fn functions_are_the_resources_of_the_template_in_order() -> Result<()> {
    assert_eq!(violations(&Stack::of_repository()?), Vec::<String>::new());
    Ok(())
}

#[test]
fn the_wake_up_queue_is_what_the_lane_needs() -> Result<()> {
    assert_eq!(queue_violations(&Stack::of_repository()?), Vec::<String>::new());
    Ok(())
}

#[test]
fn the_archive_bucket_is_closed_and_cleans_up() -> Result<()> {
    let data = yaml::parse(&read("infra/data.yaml")?)?;
    assert_eq!(bucket_violations(&data), Vec::<String>::new());
    Ok(())
}

#[test]
fn every_function_is_a_folder_a_package_and_a_binary_of_one_name() -> Result<()> {
    for function in functions()? {
        let manifest: toml::Table = read(format!("functions/{function}/Cargo.toml"))?.parse()?;
        let package = manifest["package"]["name"].as_str().context("a package has no name")?;
        assert_eq!(package, function);
        assert!(!manifest.contains_key("bin"), "{function}: src/main.rs is the only binary");
        read(format!("functions/{function}/src/main.rs"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_logical_ids() {
        assert_eq!(logical_id("cortex-api"), "CortexApi");
        assert_eq!(logical_id("sweeper"), "Sweeper");
    }

    #[test]
    fn a_function_out_of_order_and_a_foreign_binary_are_found() -> Result<()> {
        let mut stack = Stack::of_repository()?;
        stack.functions.swap(0, 1);
        assert!(violations(&stack)[0].starts_with("functions/ has"));
        stack.functions.swap(0, 1);
        stack.template["Resources"]["Sweeper"]["Metadata"]["BuildProperties"]["Binary"] = json!("exporter");
        assert_eq!(violations(&stack), [r#"Sweeper: the binary is "exporter", not "sweeper""#]);
        stack.functions.pop();
        assert!(violations(&stack)[0].starts_with("functions/ has"));
        Ok(())
    }

    #[test]
    fn a_queue_with_another_time_out_is_found() -> Result<()> {
        let mut stack = Stack::of_repository()?;
        stack.template["Resources"]["Exporter"]["Properties"]["Timeout"] = json!(900);
        stack.queues["Resources"]["DeadLetterQueue"]["Properties"]["FifoQueue"] = json!(false);
        assert_eq!(queue_violations(&stack).len(), 2);
        Ok(())
    }

    #[test]
    fn an_open_bucket_is_found() {
        assert_eq!(bucket_violations(&json!({})).len(), 6);
    }
}
