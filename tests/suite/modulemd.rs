//! Module metadata, with libmodulemd as the judge.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use store::formats::modulemd::{self, Defaults, Document, Module};

use crate::support::fixtures;

/// Loads each text as an index, upgrades it to version 2 and prints it; or says why not.
const JUDGE: &str = r#"
import sys, json, gi
gi.require_version("Modulemd", "2.0")
from gi.repository import Modulemd
def judge(strictness, text):
    index = Modulemd.ModuleIndex.new()
    try:
        ok, failures = index.update_from_string(text, strictness == "strict")
    except Exception as error:
        return {"Err": str(error)}
    if failures:
        return {"Err": "; ".join(str(f.get_gerror().message) for f in failures)}
    if not index.get_module_names():
        return {"Ok": ""}
    index.upgrade_streams(Modulemd.ModuleStreamVersionEnum.TWO)
    return {"Ok": index.dump_to_string()}
json.dump([judge(*case) for case in json.load(sys.stdin)], sys.stdout)
"#;

/// What libmodulemd makes of a text, or why it does not.
type Verdict = Result<String, String>;

/// Judges many texts, each `strict` or `loose`, in one process.
fn judge_all(cases: &[(&str, String)]) -> Vec<Verdict> {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", JUDGE])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3 with gir1.2-modulemd-2.0 is installed");
    let mut stdin = child.stdin.take().unwrap();
    let cases = serde_json::to_vec(cases).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&cases));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the judge itself failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn judge(text: &str, strictness: &str) -> Verdict {
    judge_all(&[(strictness, text.to_owned())]).remove(0)
}

fn documents(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            found.push(path);
        }
    }
}

/// The documents of modules in full, which an index can hold.
fn is_complete(documents: &[Document]) -> bool {
    documents.iter().all(|document| match document {
        Document::Module { module, .. } => !module.name.is_empty() && !module.stream.is_empty(),
        _ => true,
    })
}

#[test]
fn every_published_document_is_read_or_refused_as_libmodulemd_does() {
    let Some(root) = fixtures::folder("modulemd") else {
        return;
    };
    let mut files = Vec::new();
    documents(&root, &mut files);
    files.sort();
    assert!(files.len() > 150, "{}", files.len());
    let texts: Vec<String> = files
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let read: Vec<_> = texts.iter().map(|text| modulemd::read(text)).collect();
    let cases = |strictness, texts: &[String]| -> Vec<_> {
        texts
            .iter()
            .map(|text| (strictness, text.clone()))
            .collect()
    };
    let written: Vec<String> = read
        .iter()
        .map(|read| read.as_ref().map_or(String::new(), |d| modulemd::stream(d)))
        .collect();
    let loose = judge_all(&cases("loose", &texts));
    let strict = judge_all(&cases("strict", &texts));
    // What libmodulemd takes in all strictness, it must take from us; the rest may have unknown keys deep inside.
    let again = strict.iter().zip(written).map(|(strict, ours)| {
        let strictness = if strict.is_ok() { "strict" } else { "loose" };
        (strictness, ours)
    });
    let ours = judge_all(&again.collect::<Vec<_>>());
    let mut surprises = Vec::new();
    for (i, path) in files.iter().enumerate() {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        match (&read[i], &loose[i]) {
            (Ok(documents), Ok(_)) if !is_complete(documents) => {
                surprises.push(format!("{name}: libmodulemd has a name for it"));
            }
            (Ok(_), Ok(expected)) if ours[i].as_ref() != Ok(expected) => {
                surprises.push(format!("{name}: {}", first_difference(expected, &ours[i])));
            }
            (Ok(_), Ok(_)) => {}
            (Ok(documents), Err(reason)) => {
                // What a builder fills in, and build instructions: an index refuses them, a reader need not.
                let excused = (reason.contains("names are required") && !is_complete(documents))
                    || reason.contains("modulemd-packager document ignored");
                if !excused {
                    surprises.push(format!("{name}: read, but {reason}"));
                }
            }
            (Err(error), Err(_)) => println!("{name}: {error}"),
            (Err(error), Ok(_)) => {
                surprises.push(format!(
                    "{name}: refused, but libmodulemd reads it: {error}"
                ));
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

fn first_difference(expected: &str, ours: &Verdict) -> String {
    let ours = match ours {
        Ok(ours) => ours,
        Err(error) => return error.clone(),
    };
    let mut lines = expected.lines().zip(ours.lines());
    match lines.find(|(a, b)| a != b) {
        Some((a, b)) => format!("{a:?} became {b:?}"),
        None => format!(
            "{} lines became {}",
            expected.lines().count(),
            ours.lines().count()
        ),
    }
}

fn sample() -> Module {
    Module {
        name: "web-server".into(),
        stream: "1.10".into(),
        version: 20261101,
        context: "00000000".into(),
        arch: "x86_64".into(),
        summary: "Serves pages: \"all\" of them".into(),
        description: "First line\nsecond # line\n\n  indented\n".into(),
        module_licenses: vec!["MIT".into()],
        content_licenses: vec!["GPL-2.0-or-later AND MIT".into()],
        requires: vec![[("base-runtime".to_owned(), vec!["1".to_owned()])].into()],
        profiles: [(
            "default".to_owned(),
            vec!["389-ds".to_owned(), "httpd".to_owned()],
        )]
        .into(),
        service_levels: [("security".to_owned(), "2031-11-30".to_owned())].into(),
        artifacts: vec!["httpd-0:2.4-1.x86_64".into()],
        ..Module::default()
    }
}

#[test]
fn a_written_module_is_valid_and_reads_back() {
    let text = modulemd::document(&sample());
    let documents = modulemd::read(&text).unwrap();
    let [Document::Module { module, unknown }] = documents.as_slice() else {
        panic!("one module:\n{text}")
    };
    assert_eq!(**module, sample(), "{text}");
    assert_eq!(unknown, &[] as &[String]);

    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let validator = Command::new("modulemd-validator")
        .arg(file.path())
        .output()
        .expect("modulemd-validator is installed");
    let said = String::from_utf8_lossy(&validator.stdout).into_owned();
    assert!(validator.status.success(), "{said}\n{text}");
    judge(&text, "strict").unwrap();
}

#[test]
fn written_defaults_name_stream_and_profile() {
    let defaults = Defaults {
        module: "web-server".into(),
        stream: "1.10".into(),
        profiles: BTreeMap::from([("1.10".into(), vec!["default".into()])]),
        ..Defaults::default()
    };
    let text = defaults.document();
    assert_eq!(
        modulemd::read(&text).unwrap(),
        [Document::Defaults(defaults)]
    );
    let index = judge(&text, "strict").unwrap();
    assert!(index.contains("stream: \"1.10\""), "{index}");
}

#[test]
fn mistakes_name_line_and_column() {
    let text = modulemd::document(&sample()).replace("version: 20261101", "version: soon");
    let error = modulemd::read(&text).unwrap_err().to_string();
    assert!(
        error.contains("line ") && error.contains("version is no whole number"),
        "{error}"
    );
    let error = modulemd::read("document: modulemd\nversion: 0\ndata: {}\n").unwrap_err();
    assert!(
        error.to_string().contains("known are modulemd 1 and 2"),
        "{error}"
    );
}

#[test]
fn a_misspelt_key_is_named_with_its_place() {
    let text = modulemd::document(&sample()).replace("  profiles:", "  profile:");
    let documents = modulemd::read(&text).unwrap();
    let Document::Module { unknown, .. } = &documents[0] else {
        panic!("a module: {documents:?}")
    };
    assert!(
        unknown[0].starts_with("line ") && unknown[0].ends_with(": profile"),
        "{unknown:?}"
    );
}

#[test]
fn documents_that_were_cut_off_are_no_reason_to_panic() {
    let Some(root) = fixtures::folder("modulemd/libmodulemd") else {
        return;
    };
    let mut files = Vec::new();
    documents(&root, &mut files);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for part in 1..20 {
            let mut end = text.len().min(8_000) * part / 20;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let _ = modulemd::read(&text[..end]);
            let _ = modulemd::read(&text[end..text.len().min(8_000)]);
        }
    }
}

#[test]
fn what_is_indented_anew_grows_little_and_what_that_does_not_help_is_refused_at_once() {
    let module = modulemd::document(&sample());
    let end = module.trim_end().len();
    // As libyaml's emitter wrote them, for which there are no such limits.
    let emitted = "  xmd:\n    note: \"one\n  two\n  three\"\n";
    let good = format!("{}\n{emitted}...\n", &module[..end].trim_end_matches("..."));
    assert_eq!(modulemd::read(&good).map(|found| found.len()), Ok(1));
    let wide = format!("a:\n  b: {}\"x\ny", " ".repeat(100_000));
    let begun = std::time::Instant::now();
    for bad in [
        format!("{wide}{}\"\n", "\n".repeat(100_000)),
        format!("a:\n  b: \"x\ry{}\"\n", "\nz".repeat(20_000)),
    ] {
        let error = modulemd::read(&bad).unwrap_err().to_string();
        assert!(error.contains("invalid indentation"), "{error}");
    }
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
