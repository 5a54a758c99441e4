//! `store-schema/hashed.cddl` and the structs that it writes down have the same fields.

use std::path::Path;

/// Struct and rule, by the file that the struct is in.
const SHAPES: [(&str, &[(&str, &str)]); 12] = [
    ("ids/digest.rs", &[("Digest", "digest")]),
    ("ids/nevra.rs", &[("Evr", "evr"), ("Nevra", "nevra")]),
    ("tree/assembly.rs", &[("Assembly", "assembly")]),
    (
        "tree/directory.rs",
        &[
            ("DirectoryWire", "directory"),
            ("EntryWire", "named"),
            ("MetaWire", "meta"),
        ],
    ),
    ("store/entry.rs", &[("Entry", "entry")]),
    (
        "store/trace.rs",
        &[("Trace", "trace"), ("TraceInput", "input")],
    ),
    (
        "plan/derivation.rs",
        &[("Derivation", "derivation"), ("Input", "input")],
    ),
    (
        "plan/parameters.rs",
        &[
            ("Fetch", "fetch-params"),
            ("Metadata", "metadata-params"),
            ("Import", "import-params"),
            ("Unpack", "unpack-params"),
            ("Module", "module-params"),
            ("Repository", "repository-params"),
            ("Release", "release"),
            ("Root", "root-params"),
            ("Ostree", "ostree-params"),
            ("Compose", "compose-params"),
            ("Command", "command-params"),
            ("Squashfs", "squashfs-params"),
            ("Installer", "installer-params"),
            ("Disk", "disk-params"),
            ("Payload", "payload"),
        ],
    ),
    (
        "plan/facts.rs",
        &[
            ("PackageFacts", "package-facts"),
            ("ModuleFacts", "module-facts"),
            ("RepositoryFacts", "repository-facts"),
            ("OriginFacts", "origin-facts"),
            ("RootFacts", "root-facts"),
            ("RootPackage", "root-package"),
            ("OstreeFacts", "ostree-facts"),
            ("ComposeFacts", "compose-facts"),
            ("InstallerFacts", "installer-facts"),
            ("DiskFacts", "disk-facts"),
        ],
    ),
    (
        "formats/rpm/record.rs",
        &[
            ("Record", "record"),
            ("Dependency", "dependency"),
            ("ListedFile", "listed-file"),
            ("Changelog", "changelog"),
            ("Scriptlet", "scriptlet"),
        ],
    ),
    (
        "formats/rpm/spec.rs",
        &[("Spec", "spec"), ("SpecFile", "spec-file")],
    ),
    ("formats/modulemd/mod.rs", &[("Module", "modulemd")]),
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fields of a struct: `name`, or `? name` where it may be left out.
fn of_struct(source: &str, name: &str) -> Vec<String> {
    let empty = format!("struct {name} {{}}");
    if source.contains(&empty) {
        return Vec::new();
    }
    let start = format!("struct {name} {{\n");
    let (_, rest) = source.split_once(&start).expect(name);
    let (body, _) = rest.split_once("\n}").expect(name);
    let mut optional = "";
    let mut fields = Vec::new();
    for line in body.lines().map(str::trim) {
        if line.starts_with("#[serde(") && line.contains("skip_serializing_if") {
            optional = "? ";
        } else if !line.starts_with("//")
            && let Some((field, kind)) = line.split_once(": ")
        {
            // There are no nulls: what may be none is left out.
            if kind.starts_with("Option<") {
                optional = "? ";
            }
            fields.push(format!("{optional}{}", field.trim_start_matches("pub ")));
            optional = "";
        }
    }
    fields
}

/// The keys of a map that a rule describes, as it has them.
fn of_rule(cddl: &str, rule: &str) -> Vec<String> {
    let start = format!("\n{rule} = {{");
    let (_, rest) = cddl.split_once(&start).expect(rule);
    let mut depth = 0;
    let mut members = vec![String::new()];
    for c in rest.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' if depth == 0 => break,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => members.push(String::new()),
            c if depth == 0 => members.last_mut().expect("there is one").push(c),
            _ => {}
        }
    }
    let key = |member: &String| Some(member.split_once(':')?.0.trim().replace('"', ""));
    members.iter().filter_map(key).collect()
}

#[test]
fn the_written_form_of_what_is_hashed_has_the_fields_that_are_hashed() {
    let cddl: String = read("store-schema/hashed.cddl")
        .lines()
        .map(|line| line.split(';').next().unwrap_or_default().to_owned() + "\n")
        .collect();
    for (file, shapes) in SHAPES {
        let source = read(&format!("src/{file}"));
        for (name, rule) in shapes {
            let (held, written) = (of_struct(&source, name), of_rule(&cddl, rule));
            assert_eq!(held, written, "{file}: {name}, and {rule} of hashed.cddl");
        }
    }
}
