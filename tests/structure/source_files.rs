//! Source files: what each opens with, how long it is, what it is called, and what must not stand in it.

use std::path::Path;

use anyhow::Result;

use crate::repository::{files, functions, read, root};

/// Names of modules that say nothing.
const EMPTY_NAMES: [&str; 11] =
    ["util", "utils", "common", "helper", "helpers", "misc", "shared", "core", "manager", "managers", "impl"];

/// The longest file that holds product code.
const MOST_LINES: usize = 800;

/// Rooms that know neither the environment nor the network nor the clock.
const PURE: [&str; 7] = ["record", "query", "schedule", "archive", "formats", "domain", "engine"];

/// What stands in no source file, and what is wrong with it. The parts are joined here, so that this file has none.
const BANNED: [(&str, &str); 7] = [
    (concat!("#[", "ignore"), "a test that does not run proves nothing"),
    (concat!("#[should", "_panic"), "a test says which error it expects"),
    (concat!("#[", "allow("), "an exception is expected, with a reason"),
    (concat!("TO", "DO"), "what is open stands in an issue"),
    (concat!("FIX", "ME"), "what is open stands in an issue"),
    (concat!("todo", "!("), "a stub is no product"),
    (concat!("unimplemented", "!("), "a stub is no product"),
];

fn is_test(path: &Path) -> bool {
    let named = path.file_name().is_some_and(|name| name == "tests.rs");
    named || path.components().any(|part| part.as_os_str() == "tests")
}

fn name_violations(path: &Path) -> Vec<String> {
    let parts = path.components().filter_map(|part| Path::new(part.as_os_str()).file_stem()?.to_str());
    let empty = parts.filter(|part| EMPTY_NAMES.contains(part));
    empty.map(|part| format!("{}: the name {part} says nothing", path.display())).collect()
}

fn text_violations(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut found = Vec::new();
    if !text.starts_with("//! ") {
        found.push(format!("{shown}: does not open with a sentence on what it is responsible for"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES && !is_test(path) {
        found.push(format!("{shown}: {lines} lines"));
    }
    for (number, line) in text.lines().enumerate() {
        for (banned, reason) in BANNED {
            if line.contains(banned) {
                found.push(format!("{shown}:{}: {banned}: {reason}", number + 1));
            }
        }
        let module = line.trim_start().trim_start_matches("pub ").strip_prefix("mod ");
        if let Some(name) = module.and_then(|rest| rest.split([' ', ';', '{']).next())
            && EMPTY_NAMES.contains(&name)
        {
            found.push(format!("{shown}:{}: the name {name} says nothing", number + 1));
        }
    }
    found
}

/// Lines of a pure room that name what it must not know.
fn impurities(path: &Path, text: &str) -> Vec<String> {
    let banned =
        ["std::env", "std::net", "std::fs", "std::process", "std::thread::sleep", "SystemTime", "Instant::now"];
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = product.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let named = lines.flat_map(|(number, line)| {
        banned.iter().filter(|banned| line.contains(**banned)).map(move |banned| (number, banned))
    });
    named.map(|(number, banned)| format!("{}:{}: {banned} in a pure room", path.display(), number + 1)).collect()
}

/// Modules that hold a surface's own envelope and errors, given out by the surface's library.
fn leaks(path: &Path, text: &str) -> Vec<String> {
    let private = ["wire", "error"];
    let leaked = private.iter().filter(|name| {
        [format!("pub mod {name}"), format!("pub use {name}"), format!("pub use crate::{name}")]
            .iter()
            .any(|form| text.lines().any(|line| line.trim_start().starts_with(form.as_str())))
    });
    leaked.map(|name| format!("{}: {name} leaves its function", path.display())).collect()
}

#[test]
fn source_files_follow_the_house() -> Result<()> {
    let mut seen = 0;
    for folder in ["crates", "functions", "tests"] {
        for path in files(folder, "rs")? {
            let mut found = name_violations(&path);
            found.extend(text_violations(&path, &read(&path)?));
            assert_eq!(found, Vec::<String>::new());
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} source files were seen");
    Ok(())
}

#[test]
fn pure_rooms_know_no_environment_no_files_and_no_clock() -> Result<()> {
    for room in PURE {
        let folder = format!("crates/{room}/src");
        if !root().join(&folder).is_dir() {
            continue;
        }
        for path in files(&folder, "rs")?.iter().filter(|path| !is_test(path)) {
            assert_eq!(impurities(path, &read(path)?), Vec::<String>::new());
        }
    }
    Ok(())
}

#[test]
fn wire_types_and_envelopes_stay_in_their_function() -> Result<()> {
    for function in functions()? {
        let path = format!("functions/{function}/src/lib.rs");
        assert_eq!(leaks(Path::new(&path), &read(&path)?), Vec::<String>::new());
    }
    Ok(())
}

#[test]
fn every_snapshot_has_a_test_that_takes_it() -> Result<()> {
    for folder in ["crates", "functions", "tests"] {
        for path in files(folder, "snap")? {
            let text = read(&path)?;
            let source = text.lines().find_map(|line| line.strip_prefix("source: ")).unwrap_or_default();
            assert!(root().join(source).is_file(), "{}: its source {source} is gone", path.display());
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let name = stem.rsplit("__").next().unwrap_or(stem);
            assert!(is_taken(name, &read(source)?), "{}: {source} does not take it", path.display());
        }
    }
    Ok(())
}

/// Whether `source` has a test or a literal of the snapshot's name, which may end in the number of a repetition, or a
/// format that begins like it.
fn is_taken(name: &str, source: &str) -> bool {
    let numbered = name.rsplit_once('-').filter(|(_, number)| number.parse::<u32>().is_ok());
    let plain = numbered.map_or(name, |(plain, _)| plain);
    let plain = plain.split('@').next().unwrap_or(plain);
    let mut formats = source.split('"').filter_map(|literal| literal.split_once('{'));
    source.contains(&format!("fn {plain}("))
        || source.contains(&format!("\"{plain}\""))
        || formats
            .any(|(prefix, _)| prefix.len() > 2 && !prefix.contains(char::is_whitespace) && plain.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_says_nothing_about_itself_is_found() {
        let path = Path::new("crates/domain/src/lane.rs");
        assert_eq!(text_violations(path, "use std::fmt;\n").len(), 1);
        assert_eq!(text_violations(path, "//! A lane.\n\nmod utils;\n").len(), 1);
        assert_eq!(text_violations(path, "//! A lane.\n\npub mod lease;\n").len(), 0);
        for (banned, _) in BANNED {
            assert_eq!(text_violations(path, &format!("//! A lane.\n{banned}\n")).len(), 1, "{banned}");
        }
    }

    #[test]
    fn a_long_file_is_found_tests_apart() {
        let text = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
        assert_eq!(text_violations(Path::new("crates/a/src/b.rs"), &text).len(), 1);
        assert_eq!(text_violations(Path::new("crates/a/tests/b.rs"), &text).len(), 0);
        assert_eq!(text_violations(Path::new("crates/a/src/b/tests.rs"), &text).len(), 0);
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        assert_eq!(name_violations(Path::new("crates/domain/src/utils.rs")).len(), 1);
        assert_eq!(name_violations(Path::new("crates/common/src/lib.rs")).len(), 1);
        assert_eq!(name_violations(Path::new("crates/domain/src/org.rs")).len(), 0);
    }

    #[test]
    fn an_impurity_is_found_tests_apart() {
        let path = Path::new("crates/domain/src/lane.rs");
        assert_eq!(impurities(path, "use std::fs;\n").len(), 1);
        assert_eq!(impurities(path, "// no std::fs here\n#[cfg(test)]\nmod tests { use std::fs; }\n").len(), 0);
    }

    #[test]
    fn a_wire_type_that_leaves_is_found() {
        let path = Path::new("functions/a/src/lib.rs");
        assert_eq!(leaks(path, "pub mod wire;\nmod error;\n").len(), 1);
        assert_eq!(leaks(path, "mod wire;\npub use error::SurfaceError;\n").len(), 1);
        assert_eq!(leaks(path, "mod wire;\npub use config::Config;\n").len(), 0);
    }

    #[test]
    fn a_snapshot_without_a_test_is_found() {
        assert!(is_taken("a_list-2", "fn a_list() {}"));
        assert!(is_taken("named", "assert_json_snapshot!(\"named\", x)"));
        assert!(is_taken("case_one", "format!(\"case_{name}\")"));
        assert!(!is_taken("gone", "fn here() { format!(\"case_{name}\") }"));
    }
}
