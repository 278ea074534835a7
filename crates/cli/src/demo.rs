//! `waybill demo`: the whole path once, over HTTP, as any client would go it.

mod archive;
mod client;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use waybill_local::{Options, Stack};

use crate::arguments::{DemoArguments, DemoFormat};
use crate::serving::{self, Ended};
use crate::signals::Signals;
use crate::terminal::Progress;
use crate::{amount, terminal};
use client::{Client, Export};

/// The port that is taken when it is free and none was asked for.
const USUAL_PORT: u16 = 8080;
/// What is exported.
const COLLECTION: &str = "airports";
/// How often the export is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How long the export may take; it takes seconds.
const PATIENCE: Duration = Duration::from_mins(10);

/// Starts a stack, makes an export, fetches and checks its archive, and leaves the stack running unless asked not to.
pub(crate) async fn run(arguments: &DemoArguments) -> Result<Ended> {
    let mut signals = Signals::listen()?;
    let port = arguments.port.unwrap_or_else(usual_or_any);
    let options = Options::persistent(port, &arguments.data);
    let stack = match serving::start(options, &mut signals).await? {
        Ok(stack) => stack,
        Err(code) => return Ok(Ended::Interrupted(code)),
    };
    let shown = tokio::select! {
        shown = show(&stack, arguments.format) => shown,
        code = signals.next() => {
            terminal::note("Interrupted; stopping.");
            return Ok(match serving::stop(stack, &mut signals).await {
                Ended::Orderly => Ended::Interrupted(code),
                interrupted @ Ended::Interrupted(_) => interrupted,
            });
        }
    };
    if arguments.exit || shown.is_err() {
        let ended = serving::stop(stack, &mut signals).await;
        return shown.map(|()| ended);
    }
    let file = stack.data_folder().join("stack.json");
    terminal::line("");
    terminal::line(serving::introduction(stack.info(), &file.display().to_string()));
    Ok(serving::serve(stack, &mut signals).await)
}

fn usual_or_any() -> u16 {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).is_ok() { USUAL_PORT } else { 0 }
}

async fn show(stack: &Stack, format: DemoFormat) -> Result<()> {
    let info = stack.info();
    let client = Client::new(&info.url, &info.org, &info.admin_key)?;
    let created = client.create(COLLECTION, format.media_type()).await?;
    terminal::line(format!("Created export {} of {COLLECTION} as {}.", created.id, format.media_type()));
    let export = watch(&client, created).await?;
    let path = stack.data_folder().join("downloads").join(format!("{COLLECTION}-{}.zip", export.id));
    let facet = client.data_file(&export.id).await?;
    client.download(&export.id, &path).await.context("the archive cannot be downloaded")?;
    let archive = archive::check(&path, &facet, export.stats.docs.count)
        .with_context(|| format!("the archive {} is not as it should be", path.display()))?;
    terminal::line(summary(&path, &archive));
    Ok(())
}

/// Looks at the export until it has ended.
async fn watch(client: &Client, mut export: Export) -> Result<Export> {
    let mut progress = Progress::begin(format!("Exporting {COLLECTION}"));
    let watching = async {
        loop {
            let records = amount::grouped_integer(export.stats.docs.count);
            match export.state.as_str() {
                "ready" => return Ok((export, records)),
                "error" => bail!("the export failed: {}", export.failure()),
                state => progress.phase(state, &format!("{state}, {records} records")),
            }
            tokio::time::sleep(LOOK_EVERY).await;
            export = client.export(&export.id).await?;
        }
    };
    let watched = tokio::time::timeout(PATIENCE, watching).await;
    let (export, records) = watched.context("the export takes longer than ten minutes")??;
    progress.end(&format!("ready, {records} records"));
    Ok(export)
}

fn summary(path: &Path, archive: &archive::Checked) -> String {
    let mut lines = vec![
        String::new(),
        format!("The archive is {} ({}).", path.display(), amount::bytes(archive.size_bytes)),
        format!("SHA-256 {}", archive.sha256),
        String::new(),
    ];
    for entry in &archive.entries {
        let (size, packed) = (amount::bytes(entry.size_bytes), amount::bytes(entry.packed_bytes));
        lines.push(format!("  {:<24}{size:>12}, {packed} packed", entry.name));
    }
    lines.push(String::new());
    lines.push(format!(
        "Checked: size and SHA-256 as the API says, CRC-32 of every entry, SHA-256 and size as the manifest says, {} records.",
        amount::grouped_integer(archive.records)
    ));
    lines.push(format!("It begins:\n\n{}", indented(&archive.beginning)));
    lines.join("\n")
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
